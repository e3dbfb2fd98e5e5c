/* SPDX-License-Identifier: MIT */
/* The page about the simulated device says of each fault, space and deed what the simulated device has. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mock.h"

TestSuite(lies_page, .timeout = 30);

#define NAME(status) [status] = #status

static const char *const names[] = { NAME(VPT_OK),
                                     NAME(VPT_EMPTY_SLOT),
                                     NAME(VPT_DEVICE_STUCK),
                                     NAME(VPT_DEVICE_NEEDS_RESET),
                                     NAME(VPT_DEVICE_TIMEOUT),
                                     NAME(VPT_DEVICE_MAGIC),
                                     NAME(VPT_DEVICE_FEATURES),
                                     NAME(VPT_DEVICE_FEATURES_REFUSED),
                                     NAME(VPT_DEVICE_QUEUE_SIZE),
                                     NAME(VPT_DEVICE_QUEUE_STATE),
                                     NAME(VPT_DEVICE_CONFIG),
                                     NAME(VPT_DEVICE_CONFIG_UNSTABLE),
                                     NAME(VPT_DEVICE_USED_INDEX),
                                     NAME(VPT_DEVICE_USED_ID),
                                     NAME(VPT_DEVICE_IO_ERROR),
                                     NAME(VPT_DEVICE_REQUEST_STATUS),
                                     NAME(VPT_DEVICE_PCI_COMMAND),
                                     NAME(VPT_DEVICE_NOTIFY_OFFSET),
                                     NAME(VPT_UNSUPPORTED_VERSION),
                                     NAME(VPT_UNSUPPORTED_QUEUE),
                                     NAME(VPT_UNSUPPORTED_REQUEST) };

static char page[1u << 17];

static void read_page(void)
{
    FILE *file = fopen(MOCK_PAGE, "r");
    size_t size;

    cr_assert(file != NULL, "no %s", MOCK_PAGE);
    size = fread(page, 1, sizeof(page) - 1u, file);
    (void)fclose(file);
    cr_assert(size > 1000 && size < sizeof(page) - 1u);
}

static unsigned occurrences(const char *text)
{
    unsigned count = 0;

    for (const char *at = page; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

/* A name as it is in the code: in capitals, with underscores. */
static const char *constant(const char *name)
{
    static char text[64];
    size_t length = strlen(name);

    cr_assert(length < sizeof(text));
    for (size_t i = 0; i <= length; i++) {
        text[i] = name[i] == '-' || name[i] == ' ' ? '_' : (char)toupper((unsigned char)name[i]);
    }
    return text;
}

/* A row that begins so: there is one on the page. */
#define ASSERT_ROW(...)                                                        \
    do {                                                                       \
        char row[300];                                                         \
        int length = snprintf(row, sizeof(row), "\n| `" __VA_ARGS__);          \
                                                                               \
        cr_assert(length > 0 && (size_t)length < sizeof(row));                 \
        cr_assert(occurrences(row) == 1, "not on the page once: %s", row + 1); \
    } while (0)

/* Its status, and those of the interfaces where that is another. */
static void check_fault(const struct mock_fault_description *fault)
{
    bool legacy = fault->legacy != fault->modern;
    bool pci = fault->pci != VPT_OK;

    ASSERT_ROW("%s` | %s | `%s`%s%s%s%s%s%s |", constant(fault->name), fault->effect, names[fault->modern],
               legacy ? "; legacy `" : "", legacy ? names[fault->legacy] : "", legacy ? "`" : "", pci ? "; PCI `" : "",
               pci ? names[fault->pci] : "", pci ? "`" : "");
}

Test(lies_page, each_table_has_the_rows_of_the_code_and_no_other)
{
    read_page();
    for (unsigned i = 0; i < MOCK_FAULT_PCI_END; i++) {
        check_fault(mock_fault_describe((enum mock_fault)i));
    }
    for (unsigned i = 0; i < MOCK_PROFILES; i++) {
        ASSERT_ROW("%s` | %s |", mock_profiles[i].name, mock_profiles[i].oddity);
    }
    for (unsigned i = 0; i < MOCK_SPACES; i++) {
        ASSERT_ROW("MOCK_SPACE_%s`", i == MOCK_SPACE_MSIX ? "MSIX" : constant(mock_space_name((enum mock_space)i)));
    }
    for (unsigned i = MOCK_LIE_VALUE; i < MOCK_LIE_HOWS; i++) {
        ASSERT_ROW("MOCK_LIE_%s`", constant(mock_lie_name((enum mock_lie_how)i)));
    }
    assert_same(occurrences("\n| `"), MOCK_FAULT_PCI_END + MOCK_PROFILES + MOCK_SPACES + MOCK_LIE_HOWS - 1u);
}
