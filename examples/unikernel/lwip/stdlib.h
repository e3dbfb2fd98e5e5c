/* SPDX-License-Identifier: MIT */
/* lwIP includes <stdlib.h>, but what is built here uses nothing of it. */
