# SPDX-License-Identifier: MIT
# For include() by a kernel's build:
#
#     include(path/to/vpt/vpt.cmake)
#     add_library(vpt STATIC ${VPT_SOURCES})
#     target_compile_options(vpt PRIVATE ${KERNEL_FLAGS})
#     target_include_directories(vpt PUBLIC ${VPT_INCLUDES} PRIVATE ${VPT_SOURCE_INCLUDES})
#
# The language is C11. Beside the library there are the ready-made port functions: take what fits.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/sources.list" VPT_SOURCES)
list(TRANSFORM VPT_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/sources.list")

set(VPT_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/include")
set(VPT_SOURCE_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/src") # for VPT_SOURCES alone

set(VPT_PORT_SOURCES assign_port.c cf8.c direct.c ecam.c emulated_function.c io_window.c page_pool.c x86_io.c)
list(TRANSFORM VPT_PORT_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/port/")
set(VPT_PORT_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/port")
