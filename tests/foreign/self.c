/* SPDX-License-Identifier: MIT */
/*
 * Tests of the replacement: suite "passes" passes; of the others all but one must fail or crash. The script compares
 * the synthesis line with 3 passing, 4 failing, 3 crashing before it trusts another one.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int global;
static int numbers[] = { 1, 2, 3 };

TestSuite(slow, .timeout = 0.2);

Test(passes, no_test_sees_what_another_has_done)
{
    cr_assert(global == 0);
    global = 1;
}

Test(passes, neither_does_the_other)
{
    cr_assert(global == 0, "it is %d", global);
    global = 1;
}

ParameterizedTestParameters(fails, twice_of_three_times)
{
    return cr_make_param_array(int, numbers, sizeof(numbers) / sizeof(numbers[0]));
}

ParameterizedTest(const int *number, fails, twice_of_three_times)
{
    cr_assert(*number == 2, "it is %d", *number);
}

Test(fails, without_a_condition)
{
    cr_assert_fail("as told");
}

Test(slow, does_not_end)
{
    for (;;) {
        pause();
    }
}

Test(crashes, by_a_signal)
{
    raise(SIGSEGV);
}

Test(crashes, by_an_end_that_looks_like_success)
{
    exit(0);
}

Test(crashes, by_abort)
{
    abort();
}
