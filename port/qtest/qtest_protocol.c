/* SPDX-License-Identifier: MIT */
/*
 * QEMU's qtest protocol: a line for a command, a line for its answer ("OK", "OK 0x12", "FAIL why", "ERR why"), and, at
 * any time, lines about interrupts ("IRQ raise 4", "IRQ lower 4"), which are no answers.
 */
#define _GNU_SOURCE

#include "qtest_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define COMMAND_SIZE 256u

/* Waits for the socket to become readable or writable. False: it did not in time. */
static bool wait_socket(const struct channel *channel, short events, uint64_t microseconds)
{
    struct pollfd poll_socket = { .fd = channel->socket, .events = events };
    struct timespec timeout = { .tv_sec = (time_t)(microseconds / 1000000u),
                                .tv_nsec = (long)(microseconds % 1000000u) * 1000 };

    return ppoll(&poll_socket, 1, &timeout, NULL) > 0;
}

/* Waits for the socket until `deadline`, also across signals. */
static bool wait_until(const struct channel *channel, short events, uint64_t deadline)
{
    for (uint64_t now = vpt_qtest_now(); now < deadline; now = vpt_qtest_now()) {
        if (wait_socket(channel, events, (deadline - now) * 1000u)) {
            return true;
        }
    }
    return false;
}

enum vpt_status vpt_qtest_send(struct vpt_qtest *qtest, const struct channel *channel, const char *bytes, size_t size,
                               uint64_t deadline)
{
    while (size != 0) {
        ssize_t sent = send(channel->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (!wait_until(channel, POLLOUT, deadline)) {
                return vpt_qtest_fail(qtest, VPT_QTEST_NO_ANSWER, "QEMU takes no commands");
            }
        } else if (errno != EINTR) {
            return vpt_qtest_fail(qtest, VPT_QTEST_GONE, "QEMU has closed its socket");
        }
    }
    return VPT_OK;
}

/* Appends received bytes to the input. VPT_EMPTY: none. */
static enum vpt_status receive(struct vpt_qtest *qtest, struct channel *channel)
{
    ssize_t received =
        recv(channel->socket, channel->input + channel->input_size, INPUT_SIZE - channel->input_size, MSG_DONTWAIT);

    if (received > 0) {
        channel->input_size += (size_t)received;
        return VPT_OK;
    }
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return VPT_EMPTY;
    }
    return vpt_qtest_fail(qtest, VPT_QTEST_GONE, "QEMU has ended");
}

enum vpt_status vpt_qtest_receive(struct vpt_qtest *qtest, struct channel *channel, uint64_t deadline)
{
    enum vpt_status status = receive(qtest, channel);

    return status == VPT_EMPTY && wait_until(channel, POLLIN, deadline) ? receive(qtest, channel) : status;
}

enum vpt_status vpt_qtest_take_line(struct vpt_qtest *qtest, struct channel *channel, char line[INPUT_SIZE])
{
    char *end = memchr(channel->input, '\n', channel->input_size);
    size_t length;

    if (end == NULL) {
        return channel->input_size < INPUT_SIZE
                   ? VPT_EMPTY
                   : vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, "QEMU sent a line without an end");
    }
    length = (size_t)(end - channel->input);
    memcpy(line, channel->input, length);
    line[length] = '\0';
    if (length != 0 && line[length - 1] == '\r') {
        line[length - 1] = '\0';
    }
    channel->input_size -= length + 1;
    memmove(channel->input, end + 1, channel->input_size);
    return VPT_OK;
}

/* Takes the next answer, and handles the lines before it. */
static enum vpt_status take_answer(struct vpt_qtest *qtest, char line[INPUT_SIZE])
{
    enum vpt_status status = vpt_qtest_take_line(qtest, &qtest->commands, line);

    while (status == VPT_OK && strncmp(line, "IRQ ", 4) == 0) {
        if (!vpt_qtest_irq_line(qtest, line + 4)) {
            return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, line);
        }
        status = vpt_qtest_take_line(qtest, &qtest->commands, line);
    }
    return status;
}

/* Parses "OK", or "OK 0x..." if and only if a number is wanted. */
static enum vpt_status parse(struct vpt_qtest *qtest, const char *line, uint64_t *value)
{
    char *end;

    if (strncmp(line, "FAIL", 4) == 0 || strncmp(line, "ERR", 3) == 0) {
        vpt_qtest_note(qtest, "QEMU refuses a command: %s", line);
        return VPT_QTEST_REFUSED;
    }
    if (value == NULL && strcmp(line, "OK") == 0) {
        return VPT_OK;
    }
    if (value != NULL && strncmp(line, "OK 0x", 5) == 0) {
        errno = 0;
        *value = strtoull(line + 5, &end, 16);
        if (end != line + 5 && *end == '\0' && errno == 0) {
            return VPT_OK;
        }
    }
    return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, line);
}

static enum vpt_status answer(struct vpt_qtest *qtest, uint64_t *value, uint64_t deadline)
{
    char line[INPUT_SIZE];
    enum vpt_status status = take_answer(qtest, line);

    while (status == VPT_EMPTY) {
        if (!wait_until(&qtest->commands, POLLIN, deadline)) {
            return vpt_qtest_fail(qtest, VPT_QTEST_NO_ANSWER, "QEMU did not answer in time");
        }
        status = receive(qtest, &qtest->commands);
        if (status == VPT_OK) {
            status = take_answer(qtest, line);
        }
    }
    return status == VPT_OK ? parse(qtest, line, value) : status;
}

enum vpt_status vpt_qtest_command(struct vpt_qtest *qtest, uint64_t *value, const char *format, ...)
{
    uint64_t deadline = vpt_qtest_now() + qtest->options.command_timeout;
    char command[COMMAND_SIZE];
    va_list arguments;
    int length;
    enum vpt_status status;

    if (qtest->failure != VPT_OK) {
        return qtest->failure;
    }
    va_start(arguments, format);
    length = vsnprintf(command, sizeof(command) - 1u, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(command) - 1u) {
        return VPT_CALLER_TOO_LONG;
    }
    command[length] = '\n';
    status = vpt_qtest_send(qtest, &qtest->commands, command, (size_t)length + 1u, deadline);
    return status == VPT_OK ? answer(qtest, value, deadline) : status;
}

enum vpt_status vpt_qtest_first_command(struct vpt_qtest *qtest, uint32_t timeout)
{
    uint64_t deadline = vpt_qtest_now() + timeout;
    enum vpt_status status = vpt_qtest_send(qtest, &qtest->commands, "endianness\n", 11, deadline);
    char line[INPUT_SIZE];

    if (status != VPT_OK) {
        return status;
    }
    do {
        if (!wait_until(&qtest->commands, POLLIN, deadline)) {
            return vpt_qtest_fail(qtest, VPT_QTEST_NO_ANSWER, "QEMU did not answer after its start");
        }
        status = receive(qtest, &qtest->commands);
        if (status == VPT_OK) {
            status = take_answer(qtest, line);
        }
    } while (status == VPT_EMPTY);
    if (status == VPT_OK && strcmp(line, "OK little") != 0) {
        return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, line);
    }
    return status;
}

enum vpt_status vpt_qtest_listen(struct vpt_qtest *qtest, uint32_t microseconds)
{
    char line[INPUT_SIZE];
    enum vpt_status status = qtest->failure != VPT_OK ? qtest->failure : take_answer(qtest, line);

    /* Lines that came with the last answer were handled above. */
    while (status == VPT_EMPTY && wait_socket(&qtest->commands, POLLIN, microseconds)) {
        microseconds = 0;
        status = receive(qtest, &qtest->commands);
        if (status == VPT_OK) {
            status = take_answer(qtest, line);
        }
    }
    if (status == VPT_OK) {
        /* No command is outstanding, so this cannot be an answer. */
        return vpt_qtest_fail(qtest, VPT_QTEST_PROTOCOL, line);
    }
    return status == VPT_EMPTY ? VPT_OK : status;
}
