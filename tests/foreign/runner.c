/* SPDX-License-Identifier: MIT */
/*
 * main() of the replacement: runs every test in a process of its own, several at a time, each with a time limit, and
 * ends with Criterion's synthesis line. A case that fails ends its process; where cases share one, the next begins
 * another.
 *
 *     --jobs=N             tests at a time; as many as there are CPUs
 *     --cases=N            cases of a parameterized test that share a process; 1. Under emulation most of the work of a
 *                          short process is to translate its code.
 *     --filter=TEXT        only tests whose suite::name contains TEXT
 *     --without=TEXT       no tests whose suite::name contains TEXT
 *     --first=TEXT         tests whose suite::name begins with TEXT run first
 *     --fail-fast          no further test after one that did not pass
 *     --color=never        nothing: there are no colours
 *     --timeout-factor=N   factor for the time limits of suites, under emulation; 1
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <criterion/criterion.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX        16u
#define DEFAULT_TIMEOUT 60.0 /* seconds */
#define MESSAGE_SIZE    1024u

/* Exit statuses of a test's process: a test that calls exit() itself has not passed. */
#define ENDED  100
#define FAILED 101

/* What a process has reached, in memory that it shares. */
struct progress {
    size_t param;
    double started;
};

struct job {
    pid_t pid; /* 0: free */
    const struct criterion_test *test;
    struct criterion_test_params params;
    size_t begin; /* this process's first case, */
    size_t end;   /* and the first that is not its */
    volatile struct progress *progress;
    double limit; /* seconds */
};

struct runner {
    struct job jobs[JOBS_MAX];
    unsigned job_count;
    unsigned cases;
    double factor;
    const char *filter;
    const char *without;
    const char *first;
    bool fail_fast;
    unsigned long passing;
    unsigned long failing;
    unsigned long crashing;
};

static struct criterion_test *tests;
static struct criterion_suite *suites;

void criterion_add_test(struct criterion_test *test)
{
    test->next = tests;
    tests = test;
}

void criterion_add_suite(struct criterion_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

/* One write, so that lines of parallel tests do not mix. */
static void say(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);

        if (written <= 0) {
            return;
        }
        text += written;
        length -= (size_t)written;
    }
}

_Noreturn void criterion_fail(const char *file, int line, const char *condition, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    size_t length;
    va_list arguments;

    snprintf(text, sizeof(text) - 1u, "[----] %s:%d: Assertion Failed: %.400s:", file, line, condition);
    length = strlen(text);
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - 1u - length, format, arguments);
    va_end(arguments);
    length = strlen(text);
    text[length] = '\n';
    say(text, length + 1u);
    _exit(FAILED);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double limit_of(const struct runner *runner, const struct criterion_test *test)
{
    double timeout = test->options.timeout;

    for (const struct criterion_suite *suite = suites; suite != NULL && timeout <= 0; suite = suite->next) {
        if (strcmp(suite->name, test->suite) == 0) {
            timeout = suite->options.timeout;
        }
    }
    return (timeout > 0 ? timeout : DEFAULT_TIMEOUT) * runner->factor;
}

static bool is_over(const struct runner *runner)
{
    return runner->fail_fast && runner->failing + runner->crashing != 0;
}

/* ---- One process ---- */

static _Noreturn void run(const struct job *job)
{
    for (; job->progress->param < job->end; job->progress->param++) {
        job->progress->started = now();
        if (job->test->body != NULL) {
            job->test->body();
        } else {
            job->test->body_with((char *)job->params.params + job->progress->param * job->params.size);
        }
    }
    _exit(ENDED);
}

/* From the case that the job's progress names. */
static void start(struct job *job)
{
    job->progress->started = now();
    job->pid = fork();
    if (job->pid == 0) {
        run(job);
    }
    if (job->pid < 0) {
        perror("fork");
        exit(2);
    }
}

static void report(const struct job *job, const char *what, int number)
{
    char text[MESSAGE_SIZE];

    snprintf(text, sizeof(text), "[FAIL] %s::%s [%zu]: (%.2fs) %s %d\n", job->test->suite, job->test->name,
             job->progress->param, now() - job->progress->started, what, number);
    say(text, strlen(text));
}

/* The process has ended amid a case, which has not passed: another process takes those that are left. */
static void go_on(struct runner *runner, struct job *job)
{
    runner->passing += job->progress->param - job->begin;
    job->begin = job->progress->param + 1u;
    job->progress->param = job->begin;
    job->pid = 0;
    if (job->begin < job->end && !is_over(runner)) {
        start(job);
    }
}

static void finish(struct runner *runner, struct job *job, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENDED && job->progress->param == job->end) {
        runner->passing += job->end - job->begin;
        job->pid = 0;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == FAILED) {
        runner->failing++;
        report(job, "status", FAILED);
    } else if (WIFSIGNALED(status)) {
        runner->crashing++;
        report(job, "signal", WTERMSIG(status));
    } else {
        runner->crashing++;
        report(job, "exit", WEXITSTATUS(status));
    }
    go_on(runner, job);
}

static void time_out(struct runner *runner, struct job *job)
{
    int status;

    kill(job->pid, SIGKILL);
    waitpid(job->pid, &status, 0);
    runner->failing++;
    report(job, "timed out after seconds", (int)job->limit);
    go_on(runner, job);
}

/* ---- All of them ---- */

/* Waits for a free job; if `all`, waits for the end of all jobs and returns NULL. */
static struct job *wait_for_place(struct runner *runner, bool all)
{
    const struct timespec pause = { 0, 200000 };

    for (;;) {
        struct job *place = NULL;
        unsigned running = 0;

        for (unsigned i = 0; i < runner->job_count; i++) {
            struct job *job = &runner->jobs[i];
            int status;

            if (job->pid != 0 && waitpid(job->pid, &status, WNOHANG) == job->pid) {
                finish(runner, job, status);
            } else if (job->pid != 0 && now() - job->progress->started > job->limit) {
                time_out(runner, job);
            }
            place = job->pid == 0 ? job : place;
            running += job->pid != 0;
        }
        if (all ? running == 0 : place != NULL) {
            return all ? NULL : place;
        }
        nanosleep(&pause, NULL);
    }
}

static void run_test(struct runner *runner, const struct criterion_test *test)
{
    struct criterion_test_params params = { 0, NULL, 1 };

    if (test->params != NULL) {
        params = test->params();
    }
    for (size_t i = 0, end; i < params.length; i = end) {
        struct job *job = wait_for_place(runner, false);

        if (is_over(runner)) {
            return;
        }
        end = params.length - i < runner->cases ? params.length : i + runner->cases;
        job->test = test;
        job->params = params;
        job->begin = i;
        job->end = end;
        job->progress->param = i;
        job->limit = limit_of(runner, test);
        start(job);
    }
}

static bool wanted(const struct runner *runner, const struct criterion_test *test, bool first)
{
    char name[MESSAGE_SIZE];

    snprintf(name, sizeof(name), "%s::%s", test->suite, test->name);
    if ((runner->filter != NULL && strstr(name, runner->filter) == NULL) ||
        (runner->without != NULL && strstr(name, runner->without) != NULL)) {
        return false;
    }
    return (runner->first != NULL && strncmp(name, runner->first, strlen(runner->first)) == 0) == first;
}

static void run_tests(struct runner *runner, bool first)
{
    for (const struct criterion_test *test = tests; test != NULL; test = test->next) {
        if (wanted(runner, test, first) && !is_over(runner)) {
            run_test(runner, test);
        }
    }
}

static void read_arguments(struct runner *runner, int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        unsigned number;

        if (sscanf(arguments[i], "--jobs=%u", &number) == 1 && number >= 1 && number <= JOBS_MAX) {
            runner->job_count = number;
        } else if (sscanf(arguments[i], "--cases=%u", &number) == 1 && number >= 1) {
            runner->cases = number;
        } else if (sscanf(arguments[i], "--timeout-factor=%u", &number) == 1 && number >= 1) {
            runner->factor = number;
        } else if (strncmp(arguments[i], "--filter=", 9) == 0) {
            runner->filter = arguments[i] + 9;
        } else if (strncmp(arguments[i], "--without=", 10) == 0) {
            runner->without = arguments[i] + 10;
        } else if (strncmp(arguments[i], "--first=", 8) == 0) {
            runner->first = arguments[i] + 8;
        } else if (strcmp(arguments[i], "--color=never") == 0) {
            continue;
        } else if (strcmp(arguments[i], "--fail-fast") == 0) {
            runner->fail_fast = true;
        } else {
            fprintf(stderr, "unknown argument: %s\n", arguments[i]);
            exit(2);
        }
    }
}

int main(int count, char **arguments)
{
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct runner runner = { .job_count = cpus > 0 && cpus < (long)JOBS_MAX ? (unsigned)cpus : 1,
                             .cases = 1,
                             .factor = 1 };
    struct progress *shared =
        mmap(NULL, sizeof(*shared) * JOBS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long tested;

    if (shared == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        runner.jobs[i].progress = &shared[i];
    }
    read_arguments(&runner, count, arguments);
    run_tests(&runner, true);
    run_tests(&runner, false);
    wait_for_place(&runner, true);
    tested = runner.passing + runner.failing + runner.crashing;
    printf("[====] Synthesis: Tested: %lu | Passing: %lu | Failing: %lu | Crashing: %lu\n", tested, runner.passing,
           runner.failing, runner.crashing);
    return tested > 0 && runner.passing == tested ? 0 : 1;
}
