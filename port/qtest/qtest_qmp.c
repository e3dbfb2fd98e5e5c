/* SPDX-License-Identifier: MIT */
/*
 * The QEMU Machine Protocol: a command is a JSON object on one line, and so is its answer ("return" or "error"); events
 * come between them. The names on an object's first level tell what a line is; the rest of JSON is not parsed.
 */
#define _GNU_SOURCE

#include "qtest_internal.h"

#include <stdarg.h>
#include <string.h>

#define COMMAND_SIZE 1024u

/* ---- JSON ---- */

/* The position after the string that begins at `text`; NULL: it does not end. */
static const char *after_string(const char *text)
{
    for (text++; *text != '\0'; text++) {
        if (*text == '"') {
            return text + 1;
        }
        if (*text == '\\' && *++text == '\0') {
            break;
        }
    }
    return NULL;
}

/* The value of a name on an object's first level; NULL: none. */
static const char *value_of(const char *object, const char *name)
{
    size_t length = strlen(name);
    unsigned depth = 0;
    const char *text = object;

    while (text != NULL && *text != '\0') {
        if (*text == '"') {
            const char *end = after_string(text);

            if (depth == 1 && end != NULL && *end == ':' && (size_t)(end - text) == length + 2u &&
                memcmp(text + 1, name, length) == 0) {
                return end + 1 + strspn(end + 1, " ");
            }
            text = end;
            continue;
        }
        depth += *text == '{' || *text == '[';
        depth -= *text == '}' || *text == ']';
        text++;
    }
    return NULL;
}

/* ---- Lines ---- */

static void keep_event(struct vpt_qtest *qtest, const char *line)
{
    size_t length = strnlen(line, EVENT_SIZE - 1u);

    if (qtest->event_count == EVENTS_MAX) {
        qtest->event_count--;
        memmove(qtest->events[0], qtest->events[1], sizeof(qtest->events) - EVENT_SIZE);
    }
    memcpy(qtest->events[qtest->event_count], line, length);
    qtest->events[qtest->event_count][length] = '\0';
    qtest->event_count++;
}

/* Takes the next line that is no event, and keeps events. VPT_EMPTY: none came before `deadline`. */
static enum vpt_status next_line(struct vpt_qtest *qtest, char line[INPUT_SIZE], uint64_t deadline)
{
    enum vpt_status status = VPT_OK;

    while (status == VPT_OK) {
        status = vpt_qtest_take_line(qtest, &qtest->qmp, line);
        if (status == VPT_EMPTY) {
            status = vpt_qtest_receive(qtest, &qtest->qmp, deadline);
        } else if (status == VPT_OK && value_of(line, "event") == NULL) {
            return VPT_OK;
        } else if (status == VPT_OK) {
            keep_event(qtest, line);
        }
    }
    return status;
}

/* ---- Commands ---- */

static enum vpt_status take_answer(struct vpt_qtest *qtest, uint64_t deadline)
{
    enum vpt_status status = next_line(qtest, qtest->answer, deadline);

    if (status == VPT_EMPTY) {
        return vpt_qtest_fail(qtest, VPT_QTEST_NO_ANSWER, "QEMU's monitor did not answer in time");
    }
    if (status != VPT_OK || value_of(qtest->answer, "return") != NULL) {
        return status;
    }
    if (value_of(qtest->answer, "error") == NULL) {
        return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, qtest->answer);
    }
    vpt_qtest_note(qtest, "QEMU's monitor refuses a command: %s", qtest->answer);
    return VPT_QTEST_REFUSED;
}

enum vpt_status vpt_qtest_qmp(struct vpt_qtest *qtest, const char *format, ...)
{
    uint64_t deadline = vpt_qtest_now() + qtest->options.command_timeout;
    char command[COMMAND_SIZE + 1u];
    va_list arguments;
    int length;
    enum vpt_status status;

    if (qtest->failure != VPT_OK) {
        return qtest->failure;
    }
    if (qtest->qmp.socket < 0) {
        return VPT_CALLER_STATE;
    }
    va_start(arguments, format);
    length = vsnprintf(command, COMMAND_SIZE, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= COMMAND_SIZE) {
        return VPT_CALLER_TOO_LONG;
    }
    command[length] = '\n';
    status = vpt_qtest_send(qtest, &qtest->qmp, command, (size_t)length + 1u, deadline);
    return status == VPT_OK ? take_answer(qtest, deadline) : status;
}

const char *vpt_qtest_qmp_answer(const struct vpt_qtest *qtest)
{
    return qtest->answer;
}

enum vpt_status vpt_qtest_qmp_init(struct vpt_qtest *qtest)
{
    enum vpt_status status = next_line(qtest, qtest->answer, vpt_qtest_now() + qtest->options.start_timeout);

    if (status == VPT_EMPTY) {
        return vpt_qtest_fail(qtest, VPT_QTEST_NO_ANSWER, "QEMU's monitor does not say who it is");
    }
    if (status == VPT_OK && value_of(qtest->answer, "QMP") == NULL) {
        return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, qtest->answer);
    }
    status = status == VPT_OK ? vpt_qtest_qmp(qtest, "{'execute': 'qmp_capabilities'}") : status;
    qtest->answer[0] = '\0';
    return status;
}

/* ---- Events ---- */

static bool is_event(const char *line, const char *name, const char *text)
{
    const char *value = value_of(line, "event");
    size_t length = strlen(name);

    return value != NULL && value[0] == '"' && strncmp(value + 1, name, length) == 0 && value[1 + length] == '"' &&
           (text == NULL || strstr(line, text) != NULL);
}

/* Finds the first matching event, and drops it and all before it. */
static bool take_event(struct vpt_qtest *qtest, const char *name, const char *text)
{
    for (unsigned i = 0; i < qtest->event_count; i++) {
        if (is_event(qtest->events[i], name, text)) {
            qtest->event_count -= i + 1u;
            memmove(qtest->events[0], qtest->events[i + 1u], (size_t)qtest->event_count * EVENT_SIZE);
            return true;
        }
    }
    return false;
}

enum vpt_status vpt_qtest_qmp_event(struct vpt_qtest *qtest, const char *name, const char *text, uint32_t milliseconds)
{
    uint64_t deadline = vpt_qtest_now() + milliseconds;
    char line[INPUT_SIZE];
    enum vpt_status status = qtest->failure;

    if (status == VPT_OK && qtest->qmp.socket < 0) {
        return VPT_CALLER_STATE;
    }
    while (status == VPT_OK && !take_event(qtest, name, text)) {
        enum vpt_status taken = vpt_qtest_take_line(qtest, &qtest->qmp, line);

        if (taken == VPT_OK && value_of(line, "event") != NULL) {
            keep_event(qtest, line);
        } else if (taken == VPT_OK) {
            return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, line); /* no command is outstanding */
        } else {
            status = taken == VPT_EMPTY ? vpt_qtest_receive(qtest, &qtest->qmp, deadline) : taken;
        }
    }
    return status == VPT_EMPTY ? VPT_QTEST_TIMEOUT : status;
}
