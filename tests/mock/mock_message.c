/* SPDX-License-Identifier: MIT */
#include "mock_message.h"

#include "mock_backend.h"

uint64_t mock_take(struct mock_message *message, uint32_t width)
{
    uint64_t value = 0;

    if (require(message, message->length - message->at >= width, "a message that ends within a field")) {
        value = mock_load(message->bytes + message->at, width, message->native);
        message->at += width;
    }
    return value;
}

uint32_t mock_take32(struct mock_message *message)
{
    return (uint32_t)mock_take(message, 4);
}

void mock_put(struct mock_message *message, uint32_t width, uint64_t value)
{
    mock_store(message->reply + message->size, width, value, message->native);
    message->size += width;
}

uint32_t mock_answer(struct mock_message *message, const struct mock_element *element, uint32_t type,
                     const struct mock_reply_lie *lie)
{
    bool lies = lie->type != 0 && lie->type == type;
    uint32_t size = message->size;

    if (!require(message, element->writable_bytes >= size, "a reply has no room")) {
        mock_device_needs_reset(message->device);
        return 0;
    }
    if (lies && lie->silent) {
        return size;
    }
    if (lies) {
        size += lie->more;
        mock_store(message->reply, 4, size, message->native);
        mock_store(message->reply + lie->offset, lie->width, lie->value, message->native);
        size -= lie->cut < size ? lie->cut : size;
    }
    return (uint32_t)mock_element_write(message->device, element, 0, message->reply, size);
}

uint32_t mock_file_write(struct mock_tree_node *node, uint64_t offset, const uint8_t *bytes, uint32_t count)
{
    if (offset > MOCK_TREE_BYTES || count > MOCK_TREE_BYTES - offset) {
        return MOCK_ENOSPC;
    }
    memcpy(node->bytes + offset, bytes, count);
    node->size = offset + count > node->size ? (uint32_t)offset + count : node->size;
    return 0;
}

uint32_t mock_file_remove(struct mock_tree *tree, uint32_t number, bool directory)
{
    struct mock_tree_node *node = &tree->nodes[number];

    if (number == MOCK_TREE_NODES) {
        return MOCK_ENOENT;
    }
    if (node->directory != directory) {
        return node->directory ? MOCK_EISDIR : MOCK_ENOTDIR;
    }
    if (mock_tree_has_children(tree, number)) {
        return MOCK_ENOTEMPTY;
    }
    node->used = false;
    return 0;
}
