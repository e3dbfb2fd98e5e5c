/* SPDX-License-Identifier: MIT */
/* Parameterized tests: the parameters first, then the test. */
#ifndef VPT_TESTS_FOREIGN_PARAMETERIZED_H
#define VPT_TESTS_FOREIGN_PARAMETERIZED_H

#include <criterion/criterion.h>

#define ParameterizedTestParameters(suite_, name_) static struct criterion_test_params suite_##_##name_##_params(void)

#define ParameterizedTest(param_, suite_, name_, ...)                                                   \
    static void suite_##_##name_##_body(param_);                                                        \
    static void suite_##_##name_##_body_with(void *param)                                               \
    {                                                                                                   \
        suite_##_##name_##_body(param);                                                                 \
    }                                                                                                   \
    static struct criterion_test suite_##_##name_##_test = { .suite = #suite_,                          \
                                                             .name = #name_,                            \
                                                             .body_with = suite_##_##name_##_body_with, \
                                                             .params = suite_##_##name_##_params,       \
                                                             .options = { __VA_ARGS__ } };              \
    CRITERION_REGISTER(test, suite_##_##name_##_test)                                                   \
    static void suite_##_##name_##_body(param_)

#define cr_make_param_array(type_, array_, length_) \
    ((struct criterion_test_params){ sizeof(type_), (array_), (length_) })

#endif
