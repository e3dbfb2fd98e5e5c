/* SPDX-License-Identifier: MIT */
/* lwIP includes <stdio.h>, but what is built here uses nothing of it. */
