/* SPDX-License-Identifier: MIT */
#include "http.h"

#define LENGTH_DIGITS 9u

size_t http_head_size(struct text bytes, size_t *searched)
{
    for (size_t i = *searched; i + 4u <= bytes.size; i++) {
        if (text_is((struct text){ bytes.bytes + i, 4 }, "\r\n\r\n")) {
            return i + 4u;
        }
    }
    *searched = bytes.size < 3u ? 0 : bytes.size - 3u;
    return 0;
}

const char *http_reason(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 303: return "See Other";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
    }
}

/* ---- The request line ---- */

static bool find_method(struct text name, enum http_method *method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (text_is(name, names[i])) {
            *method = (enum http_method)i;
            return true;
        }
    }
    return false;
}

/* A character of a token, which methods and field names are (RFC 9110, section 5.6.2). */
static bool token_character(char character)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    if ((character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
        (character >= 'a' && character <= 'z')) {
        return true;
    }
    for (const char *other = others; *other != '\0'; other++) {
        if (character == *other) {
            return true;
        }
    }
    return false;
}

static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!token_character(text.bytes[i])) {
            return false;
        }
    }
    return text.size != 0;
}

static bool is_version(struct text text, char major)
{
    return text.size == 8u && text_is((struct text){ text.bytes, 5 }, "HTTP/") && text.bytes[5] == major &&
           text.bytes[6] == '.' && text.bytes[7] >= '0' && text.bytes[7] <= '9';
}

static unsigned parse_request_line(struct text line, struct http_request *request)
{
    struct text method = text_cut(&line, ' ');
    struct text target = text_cut(&line, ' ');

    if (!is_token(method) || target.size == 0 || target.bytes[0] != '/' || !text_printable(target)) {
        return 400;
    }
    if (!is_version(line, '1')) {
        return is_version(line, '0') || is_version(line, '2') || is_version(line, '3') ? 505u : 400u;
    }
    request->keep = line.bytes[7] != '0';
    request->path = text_cut(&target, '?');
    request->query = target;
    return find_method(method, &request->method) ? 0 : 501u;
}

/* ---- Fields ---- */

/* What fields have been seen. */
struct fields {
    bool host;
    bool length;
    bool encoding;
    bool close;
};

static bool parse_length(struct text value, struct http_request *request, struct fields *fields)
{
    size_t length = 0;

    if (fields->length || value.size == 0 || value.size > LENGTH_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return false;
        }
        length = length * 10u + (size_t)(value.bytes[i] - '0');
    }
    fields->length = true;
    request->body.size = length;
    return true;
}

static void parse_connection(struct text value, struct http_request *request, struct fields *fields)
{
    while (value.size != 0) {
        struct text option = text_trim(text_cut(&value, ','));

        fields->close = fields->close || text_is_any_case(option, "close");
        request->keep = request->keep || text_is_any_case(option, "keep-alive"); /* HTTP/1.0 asks for it so */
    }
}

static bool field_characters(struct text value)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char character = (unsigned char)value.bytes[i];

        if ((character < ' ' && character != '\t') || character == 0x7fu) {
            return false;
        }
    }
    return true;
}

static bool parse_field(struct text line, struct http_request *request, struct fields *fields)
{
    struct text name = text_cut(&line, ':');
    struct text value = text_trim(line);

    if (!is_token(name) || line.bytes == NULL || !field_characters(value)) {
        return false;
    }
    if (text_is_any_case(name, "Host")) {
        bool again = fields->host;

        fields->host = true;
        return !again;
    }
    if (text_is_any_case(name, "Content-Length")) {
        return parse_length(value, request, fields);
    }
    if (text_is_any_case(name, "Connection")) {
        parse_connection(value, request, fields);
    } else if (text_is_any_case(name, "Transfer-Encoding")) {
        fields->encoding = true;
    } else if (text_is_any_case(name, "Expect")) {
        request->expects = text_is_any_case(value, "100-continue");
    }
    return true;
}

/* Whether each line ends with CR LF. */
static bool lines_whole(struct text head)
{
    for (size_t i = 0; i < head.size; i++) {
        if (head.bytes[i] == '\n' && (i == 0 || head.bytes[i - 1u] != '\r')) {
            return false;
        }
    }
    return true;
}

/* Takes a line without its end. */
static struct text cut_line(struct text *rest)
{
    struct text line = text_cut(rest, '\n');

    line.size -= line.size != 0 ? 1u : 0u;
    return line;
}

unsigned http_parse(struct text head, struct http_request *request)
{
    struct fields fields = { 0 };
    unsigned status;
    bool modern;

    *request = (struct http_request){ .method = HTTP_GET };
    if (!lines_whole(head)) {
        return 400;
    }
    status = parse_request_line(cut_line(&head), request);
    if (status != 0) {
        return status;
    }
    modern = request->keep;
    for (struct text line = cut_line(&head); line.size != 0; line = cut_line(&head)) {
        if (!parse_field(line, request, &fields)) {
            return 400;
        }
    }
    request->keep = request->keep && !fields.close;
    if (fields.encoding) {
        return 501;
    }
    if (modern && !fields.host) {
        return 400;
    }
    if (!fields.length && (request->method == HTTP_POST || request->method == HTTP_PUT)) {
        return 411;
    }
    return request->body.size <= HTTP_BODY_MAX ? 0 : 413u;
}
