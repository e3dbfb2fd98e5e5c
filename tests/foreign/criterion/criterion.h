/* SPDX-License-Identifier: MIT */
/*
 * A replacement for Criterion where it is not available: only the macros that tests/unit/ uses, with Criterion's
 * meaning. Each test, and each parameter of a parameterized test, runs in its own process.
 */
#ifndef VPT_TESTS_FOREIGN_CRITERION_H
#define VPT_TESTS_FOREIGN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>

struct criterion_test_params {
    size_t size; /* bytes of one parameter */
    void *params;
    size_t length; /* number of parameters */
};

/* Options of a test or a suite. */
struct criterion_options {
    double timeout; /* seconds; 0: the suite's, or the runner's */
};

struct criterion_test {
    const char *suite;
    const char *name;
    void (*body)(void);             /* plain test */
    void (*body_with)(void *param); /* parameterized test */
    struct criterion_test_params (*params)(void);
    struct criterion_options options;
    struct criterion_test *next;
};

struct criterion_suite {
    const char *name;
    struct criterion_options options;
    struct criterion_suite *next;
};

/* Called before main() by the macros' constructors. */
void criterion_add_test(struct criterion_test *test);
void criterion_add_suite(struct criterion_suite *suite);

/* Prints the failure, and ends this test. */
_Noreturn void criterion_fail(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define CRITERION_REGISTER(kind, symbol)                             \
    __attribute__((constructor)) static void symbol##_register(void) \
    {                                                                \
        criterion_add_##kind(&symbol);                               \
    }

#define Test(suite_, name_, ...)                                                                      \
    static void suite_##_##name_##_body(void);                                                        \
    static struct criterion_test suite_##_##name_##_test = {                                          \
        .suite = #suite_, .name = #name_, .body = suite_##_##name_##_body, .options = { __VA_ARGS__ } \
    };                                                                                                \
    CRITERION_REGISTER(test, suite_##_##name_##_test)                                                 \
    static void suite_##_##name_##_body(void)

#define TestSuite(name_, ...)                                                                     \
    static struct criterion_suite name_##_suite = { .name = #name_, .options = { __VA_ARGS__ } }; \
    CRITERION_REGISTER(suite, name_##_suite)                                                      \
    struct criterion_suite

/* The message's format must be a literal. */
#define cr_assert(condition, ...) \
    ((condition) ? (void)0 : criterion_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__))
#define cr_assert_fail(...) criterion_fail(__FILE__, __LINE__, "", " " __VA_ARGS__)

#endif
