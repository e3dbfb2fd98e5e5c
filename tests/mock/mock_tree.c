/* SPDX-License-Identifier: MIT */
#include "mock_tree.h"

#include <stdio.h>
#include <string.h>

void mock_tree_clear(struct mock_tree *tree)
{
    memset(tree, 0, sizeof(*tree));
    tree->nodes[MOCK_TREE_ROOT].used = true;
    tree->nodes[MOCK_TREE_ROOT].directory = true;
    tree->nodes[MOCK_TREE_ROOT].mode = 0755;
}

uint32_t mock_tree_make(struct mock_tree *tree, uint32_t parent, const char *name, bool directory)
{
    uint32_t i = 1;

    while (i < MOCK_TREE_NODES && tree->nodes[i].used) {
        i++;
    }
    if (i < MOCK_TREE_NODES) {
        tree->nodes[i] = (struct mock_tree_node){
            .used = true, .directory = directory, .parent = parent, .mode = directory ? 0755 : 0644
        };
        (void)snprintf(tree->nodes[i].name, MOCK_TREE_NAME, "%s", name);
    }
    return i;
}

uint32_t mock_tree_find(const struct mock_tree *tree, uint32_t parent, const char *name)
{
    uint32_t i = 1;

    while (i < MOCK_TREE_NODES &&
           !(tree->nodes[i].used && tree->nodes[i].parent == parent && strcmp(tree->nodes[i].name, name) == 0)) {
        i++;
    }
    return i;
}

bool mock_tree_has_children(const struct mock_tree *tree, uint32_t node)
{
    for (uint32_t i = 1; i < MOCK_TREE_NODES; i++) {
        if (tree->nodes[i].used && tree->nodes[i].parent == node) {
            return true;
        }
    }
    return false;
}
