/* SPDX-License-Identifier: MIT */
#include "http_connection.h"

#include <lwip/sys.h>

/* Limits in milliseconds: for a whole request, for sending an answer, and for what the client still does after it. */
#define REQUEST_LIMIT 5000u
#define ANSWER_LIMIT  30000u
#define END_LIMIT     5000u

#define WRITE_MAX 0xffffu

/* ---- The end of a connection ---- */

static void forget(struct connection *connection)
{
    tcp_arg(connection->pcb, NULL);
    tcp_recv(connection->pcb, NULL);
    tcp_sent(connection->pcb, NULL);
    tcp_poll(connection->pcb, NULL, 0);
    tcp_err(connection->pcb, NULL);
    connection->state = CONNECTION_FREE;
}

void connection_abandon(struct connection *connection)
{
    forget(connection);
    tcp_abort(connection->pcb);
    connection->aborted = true;
    http_server_counters.dropped++;
}

/* Both sides have sent all. */
static void close(struct connection *connection)
{
    if (tcp_close(connection->pcb) == ERR_OK) {
        forget(connection);
    } else {
        connection_abandon(connection);
    }
}

/* Says to the client that nothing more comes. If lwIP has no memory for that now, a poll tries again. */
static void end(struct connection *connection)
{
    connection->state = CONNECTION_ENDING;
    connection->limit = sys_now() + END_LIMIT;
    if (connection->at_end) {
        close(connection);
    } else {
        (void)tcp_shutdown(connection->pcb, 0, 1);
    }
}

/* ---- Answers ---- */

static void await_request(struct connection *connection)
{
    connection->state = CONNECTION_READING;
    connection->limit = sys_now() + REQUEST_LIMIT;
    connection->searched = 0;
    connection->told = false;
}

/* Writes as much of the answer as lwIP takes. */
static void write_answer(struct connection *connection)
{
    size_t head_size = connection->head.size;
    size_t size = head_size + connection->body_size;

    while (connection->written < size) {
        bool in_head = connection->written < head_size;
        const char *from = in_head ? connection->head_bytes + connection->written
                                   : connection->body_bytes + (connection->written - head_size);
        size_t count = (in_head ? head_size : size) - connection->written;
        size_t room = tcp_sndbuf(connection->pcb);

        count = count < room ? count : room;
        count = count < WRITE_MAX ? count : WRITE_MAX;
        if (count == 0 || tcp_write(connection->pcb, from, (u16_t)count,
                                    TCP_WRITE_FLAG_COPY | (in_head ? TCP_WRITE_FLAG_MORE : 0)) != ERR_OK) {
            break; /* more when the client has received some */
        }
        connection->written += count;
    }
    (void)tcp_output(connection->pcb);
    if (connection->written == size && connection->keep && !connection->at_end) {
        await_request(connection);
    } else if (connection->written == size) {
        end(connection);
    }
}

static void begin_answer(struct connection *connection, bool keep, bool with_body)
{
    connection->state = CONNECTION_WRITING;
    connection->limit = sys_now() + ANSWER_LIMIT;
    connection->keep = keep;
    connection->written = 0;
    connection->body_size = with_body ? connection->body.size : 0;
    reply_begin(&connection->head, connection->body.status, NULL);
    reply_head(&connection->head, &connection->body, keep);
    write_answer(connection);
}

/* Answers what is no request; the client's next bytes cannot be understood either. */
static void refuse(struct connection *connection, unsigned status)
{
    reply_begin(&connection->body, status, "text/plain");
    reply_words(&connection->body, http_reason(status));
    reply_words(&connection->body, "\n");
    begin_answer(connection, false, true);
}

/* ---- Requests ---- */

static void remove_input(struct connection *connection, size_t size)
{
    connection->input_size -= size;
    connection->searched = 0;
    for (size_t i = 0; i < connection->input_size; i++) {
        connection->input[i] = connection->input[size + i];
    }
}

/* An empty line before a request is ignored (RFC 9112, section 2.2). */
static void remove_empty_line(struct connection *connection)
{
    if (connection->input_size >= 2u && connection->input[0] == '\r' && connection->input[1] == '\n') {
        remove_input(connection, 2);
    }
}

/* The head has come; the body may have. Returns whether there is an answer. */
static bool carry_out(struct connection *connection, size_t head_size)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_request request;
    unsigned status = http_parse((struct text){ connection->input, head_size }, &request);

    if (status != 0) {
        refuse(connection, status);
        return true;
    }
    if (connection->input_size - head_size < request.body.size) {
        if (request.expects && !connection->told) {
            connection->told = tcp_write(connection->pcb, go_on, sizeof(go_on) - 1u, TCP_WRITE_FLAG_COPY) == ERR_OK;
        }
        return false;
    }
    request.body.bytes = connection->input + head_size;
    http_server_counters.requests++;
    web_answer(connection->web, &request, &connection->body);
    remove_input(connection, head_size + request.body.size);
    begin_answer(connection, request.keep, request.method != HTTP_HEAD);
    return true;
}

/* Takes a request out of the input, and answers. False: it has not come as a whole. */
static bool serve_one(struct connection *connection)
{
    size_t size;

    remove_empty_line(connection);
    size = http_head_size((struct text){ connection->input, connection->input_size }, &connection->searched);
    if (size > HTTP_HEAD_MAX || (size == 0 && connection->input_size >= HTTP_HEAD_MAX)) {
        refuse(connection, 431);
        return true;
    }
    return size != 0 && carry_out(connection, size);
}

/* A client may send further requests before it has the first answer. */
static void serve(struct connection *connection)
{
    while (connection->state == CONNECTION_READING && serve_one(connection)) {
    }
}

static void expire(struct connection *connection)
{
    if (connection->state != CONNECTION_READING) {
        connection_abandon(connection);
    } else if (connection->input_size != 0) {
        http_server_counters.dropped++;
        refuse(connection, 408);
    } else {
        end(connection); /* idle between requests */
    }
}

/* ---- What comes from lwIP ---- */

void connection_begin(struct connection *connection, struct tcp_pcb *pcb)
{
    connection->pcb = pcb;
    connection->aborted = false;
    connection->at_end = false;
    connection->input_size = 0;
    connection->head = (struct reply){ .bytes = connection->head_bytes, .max = CONNECTION_HEAD_MAX };
    connection->body = (struct reply){ .bytes = connection->body_bytes, .max = WEB_REPLY_MAX };
    await_request(connection);
}

bool connection_take(struct connection *connection, const struct pbuf *data)
{
    if (connection->state == CONNECTION_ENDING) {
        return true;
    }
    if (data->tot_len > CONNECTION_INPUT_MAX - connection->input_size) {
        return false;
    }
    if (connection->input_size == 0 && connection->state == CONNECTION_READING) {
        await_request(connection); /* its time begins now */
    }
    connection->input_size += pbuf_copy_partial(data, connection->input + connection->input_size, data->tot_len, 0);
    return true;
}

void connection_take_end(struct connection *connection)
{
    connection->at_end = true;
    if (connection->state != CONNECTION_WRITING) {
        end(connection);
    }
}

void connection_continue(struct connection *connection)
{
    if (connection->state == CONNECTION_WRITING) {
        write_answer(connection);
    } else if (connection->state == CONNECTION_ENDING &&
               (connection->pcb->state == ESTABLISHED || connection->pcb->state == CLOSE_WAIT)) {
        (void)tcp_shutdown(connection->pcb, 0, 1);
    }
    serve(connection);
}

void connection_look_at_limit(struct connection *connection)
{
    if ((s32_t)(sys_now() - connection->limit) >= 0) {
        expire(connection);
    }
}
