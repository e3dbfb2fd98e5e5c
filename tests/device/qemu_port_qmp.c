/* SPDX-License-Identifier: MIT */
/* The qtest port and QEMU's monitor: commands, their answers, events. */
#define _POSIX_C_SOURCE 200809L

#include "qemu_support.h"

#include <signal.h>
#include <string.h>

TestSuite(device_port_qmp, .timeout = 60);

static void start(bool qmp)
{
    struct fixture_options options = { .qtest = { .machine = VPT_QTEST_MICROVM, .qmp = qmp } };

    fixture_start(&options);
}

static bool answered(const char *text)
{
    return strstr(vpt_qtest_qmp_answer(fixture.qtest), text) != NULL;
}

static enum vpt_status execute(const char *command)
{
    return vpt_qtest_qmp(fixture.qtest, "{'execute': '%s'}", command);
}

Test(device_port_qmp, a_command_is_answered_by_a_value_or_an_error)
{
    start(true);
    assert_that(strcmp(vpt_qtest_qmp_answer(fixture.qtest), "") == 0);
    assert_status(execute("query-name"), VPT_OK);
    assert_that(strcmp(vpt_qtest_qmp_answer(fixture.qtest), "{\"return\": {}}") == 0);
    assert_status(execute("query-status"), VPT_OK);
    assert_that(answered("\"status\": \"running\""));
    assert_status(execute("no-such-command"), VPT_QTEST_REFUSED);
    assert_that(answered("\"error\"") && answered("no-such-command"));
    assert_status(vpt_qtest_qmp(fixture.qtest, "{}"), VPT_QTEST_REFUSED);
    assert_status(execute("query-status"), VPT_OK); /* QMP still works */
    fixture_finish();
}

/* The names that classify lines, where they mean nothing: as a value, in a string, on a deeper level. */
Test(device_port_qmp, only_names_on_the_first_level_tell_what_a_line_is)
{
    start(true);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'return', 'id': {'return': 1, 'event': 2}}"),
                  VPT_QTEST_REFUSED);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'query-name', 'id': {'error': [{'event': 2}]}}"), VPT_OK);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'query-name', 'id': 'event'}"), VPT_OK);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'return', 'id': '\\\"}{'}"), VPT_QTEST_REFUSED);
    assert_that(answered("\\\"}{"));
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'query-name', 'id': '{ \\\\'}"), VPT_OK);
    assert_that(answered("\"return\": {}"));
    fixture_finish();
}

/* Longer than one read of the socket can be, and than a line of the qtest protocol. */
Test(device_port_qmp, a_long_answer_is_whole)
{
    start(true);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'qom-list-types', 'arguments': "
                                               "{'implements': 'virtio-device'}}"),
                  VPT_OK);
    assert_that(answered("virtio-blk-device"));
    assert_that(strlen(vpt_qtest_qmp_answer(fixture.qtest)) > 1000);
    assert_that(strcmp(strchr(vpt_qtest_qmp_answer(fixture.qtest), '\0') - 2, "]}") == 0);
    fixture_finish();
}

Test(device_port_qmp, events_are_kept_until_somebody_waits_for_them)
{
    uint64_t started;

    start(true);
    assert_status(execute("stop"), VPT_OK);
    assert_status(execute("cont"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, FIXTURE_WAIT), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESUME", "\"timestamp\"", FIXTURE_WAIT), VPT_OK);
    assert_status(execute("stop"), VPT_OK);
    assert_status(execute("cont"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESUME", NULL, FIXTURE_WAIT), VPT_OK); /* drops the STOP */
    started = now();
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, 50), VPT_QTEST_TIMEOUT);
    assert_that(now() - started >= 50);
    assert_status(execute("stop"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STO", NULL, 0), VPT_QTEST_TIMEOUT);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", "no such text", 0), VPT_QTEST_TIMEOUT);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, FIXTURE_WAIT), VPT_OK);
    fixture_finish();
}

Test(device_port_qmp, of_many_events_the_last_are_kept)
{
    start(true);
    assert_status(execute("system_reset"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESET", "\"guest\": false", FIXTURE_WAIT), VPT_OK);
    assert_status(execute("system_reset"), VPT_OK);
    for (unsigned i = 0; i < 20; i++) {
        assert_status(execute("stop"), VPT_OK);
        assert_status(execute("cont"), VPT_OK);
    }
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESET", NULL, 50), VPT_QTEST_TIMEOUT);
    for (unsigned i = 0; i < 8; i++) {
        assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, 0), VPT_OK);
        assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESUME", NULL, 0), VPT_OK);
    }
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, 50), VPT_QTEST_TIMEOUT);
    fixture_finish();
}

Test(device_port_qmp, without_the_option_there_is_no_monitor)
{
    start(false);
    assert_status(execute("query-name"), VPT_CALLER_STATE);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "STOP", NULL, 0), VPT_CALLER_STATE);
    assert_that(strcmp(vpt_qtest_qmp_answer(fixture.qtest), "") == 0);
    fixture_finish();
}

Test(device_port_qmp, a_command_that_is_too_long_is_not_sent)
{
    static char text[2000];

    start(true);
    memset(text, ' ', sizeof(text) - 1u);
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'quit'%s}", text), VPT_CALLER_TOO_LONG);
    assert_status(execute("query-name"), VPT_OK);
    fixture_finish();
}

Test(device_port_qmp, the_end_of_qemu_ends_a_wait)
{
    start(true);
    assert_status(execute("quit"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "NO_SUCH_EVENT", NULL, 10000), VPT_QTEST_GONE);
    assert_that(strstr(vpt_qtest_message(fixture.qtest), "QEMU exited with status 0") != NULL);
    assert_status(execute("query-name"), VPT_QTEST_GONE);
    fixture_abandon();
}

Test(device_port_qmp, a_monitor_that_does_not_answer_ends_qemu)
{
    struct fixture_options options = { .qtest = {
                                           .machine = VPT_QTEST_MICROVM, .qmp = true, .command_timeout = 2000 } };
    uint64_t started;

    fixture_start(&options);
    assert_that(kill(vpt_qtest_pid(fixture.qtest), SIGSTOP) == 0);
    started = now();
    assert_status(execute("query-name"), VPT_QTEST_NO_ANSWER);
    assert_that(now() - started >= 2000);
    assert_that(vpt_qtest_pid(fixture.qtest) == 0);
    fixture_abandon();
}
