/* SPDX-License-Identifier: MIT */
/* QEMU's process: its arguments, its start, its end, and its stderr. */
#define _GNU_SOURCE

#include "qtest_internal.h"
#include "qtest_iommu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BIOS_SIZE     0x10000u
#define BIOS_RESET    0xfff0u /* where an x86 CPU starts */
#define ARGUMENTS_OWN 40u     /* at least the machine's own arguments */
#define TEXTS_SIZE    1024u
#define KILL_TIMEOUT  10000u

/* Descriptors that QEMU inherits besides RAM and the caller's files; -1: none. */
struct theirs {
    int commands; /* QEMU's end of a socket pair, as is `qmp` */
    int qmp;
    int bios;
};

struct arguments {
    const char **list;
    unsigned count;
    char texts[TEXTS_SIZE];
    size_t texts_used;
    bool too_long;
};

/* ---- The end ---- */

/* Appends to the message, which is cut off when it is full. */
static void say(struct vpt_qtest *qtest, const char *text, size_t length)
{
    size_t used = strlen(qtest->message);
    size_t room = MESSAGE_SIZE - 1u - used;

    memcpy(qtest->message + used, text, length < room ? length : room);
    qtest->message[used + (length < room ? length : room)] = '\0';
}

static void say_line(struct vpt_qtest *qtest, const char *text)
{
    say(qtest, text, strlen(text));
    say(qtest, "\n", 1);
}

/* The last part of QEMU's stderr. */
static void say_errors(struct vpt_qtest *qtest)
{
    char text[MESSAGE_SIZE / 2u];
    off_t size = qtest->errors < 0 ? 0 : lseek(qtest->errors, 0, SEEK_END);
    off_t start = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
    ssize_t length = size <= 0 ? 0 : pread(qtest->errors, text, sizeof(text), start);

    if (length > 0) {
        say(qtest, text, (size_t)length);
        if (text[length - 1] != '\n') {
            say(qtest, "\n", 1);
        }
    }
}

static void say_end(struct vpt_qtest *qtest)
{
    char text[80];

    if (qtest->ended == 0) {
        return;
    }
    if (WIFSIGNALED(qtest->wait_status)) {
        (void)snprintf(text, sizeof(text), "QEMU was ended by signal %d", WTERMSIG(qtest->wait_status));
    } else {
        (void)snprintf(text, sizeof(text), "QEMU exited with status %d", WEXITSTATUS(qtest->wait_status));
    }
    say_line(qtest, text);
}

/* Waits up to `milliseconds` for QEMU to end, and takes its status. */
static void wait_end(struct vpt_qtest *qtest, uint32_t milliseconds)
{
    uint64_t deadline = vpt_qtest_now() + milliseconds;
    struct timespec pause = { .tv_nsec = 100000 };

    while (qtest->pid != 0) {
        pid_t ended = waitpid(qtest->pid, &qtest->wait_status, WNOHANG);

        if (ended == qtest->pid) {
            qtest->ended = qtest->pid;
            qtest->pid = 0;
        } else if (ended < 0 && errno != EINTR) {
            qtest->pid = 0; /* the process was reaped elsewhere */
        } else if (vpt_qtest_now() >= deadline) {
            return;
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
}

static void end_process(struct vpt_qtest *qtest, uint32_t patience)
{
    wait_end(qtest, patience);
    if (qtest->pid != 0) {
        (void)kill(qtest->pid, SIGKILL);
        wait_end(qtest, KILL_TIMEOUT);
    }
}

enum vpt_status vpt_qtest_fail(struct vpt_qtest *qtest, enum vpt_status status, const char *what)
{
    if (qtest->failure != VPT_OK) {
        return qtest->failure;
    }
    qtest->failure = status;
    /* A QEMU that has closed its socket is about to exit; wait for its status, which tells the cause. */
    end_process(qtest, status == VPT_QTEST_GONE ? 1000 : 0);
    say_line(qtest, what);
    say_end(qtest);
    say_errors(qtest);
    vpt_qtest_note(qtest, "%s", qtest->message);
    return status;
}

enum vpt_status vpt_qtest_failure(struct vpt_qtest *qtest)
{
    return qtest == NULL ? VPT_CALLER_ARGUMENT : vpt_qtest_listen(qtest, 0);
}

const char *vpt_qtest_message(struct vpt_qtest *qtest)
{
    return qtest == NULL ? "" : qtest->message;
}

pid_t vpt_qtest_pid(const struct vpt_qtest *qtest)
{
    return qtest->pid;
}

/* ---- Arguments ---- */

static void add(struct arguments *arguments, const char *argument)
{
    arguments->list[arguments->count++] = argument;
}

/* Formats an argument into memory of `arguments`. */
__attribute__((format(printf, 2, 3))) static void add_text(struct arguments *arguments, const char *format, ...)
{
    char *text = arguments->texts + arguments->texts_used;
    size_t room = TEXTS_SIZE - arguments->texts_used;
    va_list values;
    int length;

    va_start(values, format);
    length = vsnprintf(text, room, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= room) {
        arguments->too_long = true;
        return;
    }
    arguments->texts_used += (size_t)length + 1u;
    add(arguments, text);
}

static void add_machine(struct arguments *arguments, const struct vpt_qtest *qtest,
                        const struct vpt_qtest_options *options, int bios)
{
    add(arguments, "-m");
    add_text(arguments, "%uM", options->ram_size >> 20);
    add(arguments, "-object");
    add_text(arguments, "memory-backend-file,id=ram,size=%uM,mem-path=/dev/fd/%d,share=on", options->ram_size >> 20,
             qtest->ram_file);
    add(arguments, "-M");
    add_text(arguments, "%s,memory-backend=ram%s%s", qtest->details->machine.option,
             options->machine_options == NULL ? "" : ",",
             options->machine_options == NULL ? "" : options->machine_options);
    if (bios >= 0) {
        add(arguments, "-bios");
        add_text(arguments, "/dev/fd/%d", bios);
    }
    for (unsigned i = 0; qtest->details->parking[i] != NULL; i++) {
        add(arguments, qtest->details->parking[i]);
    }
    if (options->iommu) {
        add(arguments, "-device");
        add(arguments, "intel-iommu,intremap=off");
    }
}

/* Builds the argument list; `arguments->list` is from the heap. False: no memory, or too long. */
static bool make_arguments(struct arguments *arguments, const struct vpt_qtest *qtest,
                           const struct vpt_qtest_options *options, const struct theirs *theirs)
{
    static const char *const common[] = { "-accel",     "tcg",  "-nodefaults", "-no-user-config",
                                          "-display",   "none", "-monitor",    "none",
                                          "-serial",    "none", "-qtest",      "chardev:qtest",
                                          "-qtest-log", "none" };
    unsigned extra = 0;

    while (options->arguments != NULL && options->arguments[extra] != NULL) {
        extra++;
    }
    memset(arguments, 0, sizeof(*arguments));
    arguments->list = calloc(ARGUMENTS_OWN + extra + 1u, sizeof(*arguments->list));
    if (arguments->list == NULL) {
        return false;
    }
    add(arguments, options->binary == NULL ? qtest->details->machine.binary : options->binary);
    add(arguments, "-chardev");
    add_text(arguments, "socket,id=qtest,fd=%d", theirs->commands);
    if (theirs->qmp >= 0) {
        add(arguments, "-chardev");
        add_text(arguments, "socket,id=qmp,fd=%d", theirs->qmp);
        add(arguments, "-mon");
        add(arguments, "chardev=qmp,mode=control");
    }
    for (unsigned i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        add(arguments, common[i]);
    }
    add_machine(arguments, qtest, options, theirs->bios);
    for (unsigned i = 0; i < extra; i++) {
        add(arguments, options->arguments[i]);
    }
    return !arguments->too_long;
}

/* ---- The start ---- */

/* Makes a firmware image that only halts with interrupts off. Returns a descriptor, or -1. */
static int make_bios(void)
{
    static const unsigned char reset[] = { 0xfa, 0xf4, 0xeb, 0xfd }; /* cli; 1: hlt; jmp 1b */
    unsigned char *image = malloc(BIOS_SIZE);
    int file = memfd_create("vpt_qtest bios", MFD_CLOEXEC);
    bool written = false;

    if (image != NULL && file >= 0) {
        memset(image, 0xf4, BIOS_SIZE); /* hlt */
        memcpy(image + BIOS_RESET, reset, sizeof(reset));
        written = write(file, image, BIOS_SIZE) == (ssize_t)BIOS_SIZE;
    }
    free(image);
    if (!written && file >= 0) {
        (void)close(file);
        file = -1;
    }
    return file;
}

/* Runs in the child between fork and exec: only system calls are allowed. */
static void keep_open(int file)
{
    int flags = file >= 0 ? fcntl(file, F_GETFD) : -1;

    if (flags >= 0) {
        (void)fcntl(file, F_SETFD, flags & ~FD_CLOEXEC);
    }
}

__attribute__((noreturn)) static void become_qemu(const struct vpt_qtest *qtest,
                                                  const struct vpt_qtest_options *options, pid_t parent,
                                                  const char *const *arguments, const struct theirs *theirs)
{
    static const char complaint[] = "cannot be executed: ";
    sigset_t none;
    int nothing = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127); /* the parent died before PR_SET_PDEATHSIG was set */
    }
    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(nothing, STDOUT_FILENO);
    (void)dup2(qtest->errors, STDERR_FILENO);
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    keep_open(theirs->commands);
    keep_open(theirs->qmp);
    keep_open(theirs->bios);
    keep_open(qtest->ram_file);
    for (unsigned i = 0; i < options->file_count; i++) {
        keep_open(options->files[i]);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    (void)!write(STDERR_FILENO, complaint, sizeof(complaint) - 1u);
    (void)!write(STDERR_FILENO, arguments[0], strlen(arguments[0]));
    _exit(127);
}

/* Makes a socket pair: our end, and QEMU's. */
static bool connect_pair(int *ours, int *their)
{
    int sockets[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        return false;
    }
    *ours = sockets[0];
    *their = sockets[1];
    return true;
}

static enum vpt_status spawn(struct vpt_qtest *qtest, const struct vpt_qtest_options *options,
                             const struct theirs *theirs)
{
    struct arguments arguments;
    pid_t parent = getpid();
    enum vpt_status status = VPT_OK;

    if (!make_arguments(&arguments, qtest, options, theirs)) {
        status = vpt_qtest_fail(qtest, VPT_QTEST_START, "the machine's options are too long");
    } else {
        qtest->pid = fork();
        if (qtest->pid == 0) {
            become_qemu(qtest, options, parent, arguments.list, theirs);
        }
        if (qtest->pid < 0) {
            qtest->pid = 0;
            status = vpt_qtest_fail(qtest, VPT_QTEST_SYSTEM, "no process");
        }
    }
    free(arguments.list);
    return status;
}

static void close_file(int file)
{
    if (file >= 0) {
        (void)close(file);
    }
}

/* Starts QEMU and waits for its first answer. */
static enum vpt_status run(struct vpt_qtest *qtest, const struct vpt_qtest_options *options)
{
    bool needs_bios = qtest->details->parking_bios;
    struct theirs theirs = { -1, -1, needs_bios ? make_bios() : -1 };
    enum vpt_status status;

    qtest->errors = memfd_create("vpt_qtest stderr", MFD_CLOEXEC);
    if (qtest->errors < 0 || (needs_bios && theirs.bios < 0)) {
        status = vpt_qtest_fail(qtest, VPT_QTEST_SYSTEM, "no memory file");
    } else if (!connect_pair(&qtest->commands.socket, &theirs.commands) ||
               (options->qmp && !connect_pair(&qtest->qmp.socket, &theirs.qmp))) {
        status = vpt_qtest_fail(qtest, VPT_QTEST_SYSTEM, "no socket pair");
    } else {
        status = spawn(qtest, options, &theirs);
    }
    close_file(theirs.commands); /* only QEMU keeps its end open */
    close_file(theirs.qmp);
    if (status == VPT_OK) {
        status = vpt_qtest_first_command(qtest, options->start_timeout);
    }
    close_file(theirs.bios);
    if (status == VPT_QTEST_GONE) {
        status = qtest->failure = VPT_QTEST_START; /* QEMU never ran */
    }
    return status;
}

static bool options_fit(const struct vpt_qtest_options *options)
{
    return vpt_qtest_machine_details(options->machine) != NULL && (options->ram_size & 0xfffffu) == 0 &&
           (options->ram_size == 0 || options->ram_size - 0x1000000u <= 0x3f000000u) &&
           ((!options->ecam && !options->iommu) || options->machine == VPT_QTEST_Q35) &&
           (options->file_count == 0 || options->files != NULL);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void fill_in(struct vpt_qtest_options *options)
{
    options->ram_size = or_default(options->ram_size, 64u << 20);
    options->start_timeout = or_default(options->start_timeout, 20000);
    options->command_timeout = or_default(options->command_timeout, 10000);
    options->wait_timeout = or_default(options->wait_timeout, 10000);
}

/* All steps that need the caller's strings and files. */
static enum vpt_status start(struct vpt_qtest *qtest, const struct vpt_qtest_options *options)
{
    enum vpt_status status = vpt_qtest_memory_init(qtest);

    status = status == VPT_OK ? run(qtest, options) : status;
    if (status == VPT_OK && options->qmp) {
        status = vpt_qtest_qmp_init(qtest);
    }
    if (status == VPT_OK && options->ecam) {
        status = vpt_qtest_ecam_enable(qtest);
    }
    if (status == VPT_OK && options->iommu) {
        status = vpt_qtest_iommu_init(qtest, (size_t)(qtest->first_page + qtest->pages) * PAGE_SIZE);
    }
    return status;
}

enum vpt_status vpt_qtest_start(struct vpt_qtest **made, const struct vpt_qtest_options *options)
{
    struct vpt_qtest *qtest;
    enum vpt_status status;

    if (made == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *made = NULL;
    if (options == NULL || !options_fit(options)) {
        return VPT_CALLER_ARGUMENT;
    }
    qtest = calloc(1, sizeof(*qtest));
    if (qtest == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    *made = qtest;
    qtest->details = vpt_qtest_machine_details(options->machine);
    vpt_qtest_windows_init(qtest);
    qtest->commands.socket = qtest->qmp.socket = qtest->errors = qtest->ram_file = -1;
    qtest->options = *options;
    fill_in(&qtest->options);
    vpt_qtest_port_init(qtest);
    status = start(qtest, &qtest->options);
    qtest->options.binary = qtest->options.machine_options = NULL;
    qtest->options.arguments = NULL;
    qtest->options.files = NULL;
    return status;
}

void vpt_qtest_stop(struct vpt_qtest *qtest)
{
    if (qtest == NULL) {
        return;
    }
    end_process(qtest, 0);
    vpt_qtest_memory_finish(qtest);
    close_file(qtest->commands.socket);
    close_file(qtest->qmp.socket);
    close_file(qtest->errors);
    free(qtest);
}
