# SPDX-License-Identifier: MIT
# For include() by a kernel's build:
#
#     include(path/to/vpt/vpt.cmake)
#     add_library(vpt STATIC ${VPT_SOURCES})
#     target_compile_options(vpt PRIVATE ${KERNEL_FLAGS})
#     target_include_directories(vpt PUBLIC ${VPT_INCLUDES})
#
# The language is C11. VPT_SOURCES is all of the library; VPT_SOURCES_<list> is one of the lists in sources/. Beside it
# there are the ready-made port functions: take what fits.

set(VPT_SOURCES)
file(GLOB VPT_LISTS "${CMAKE_CURRENT_LIST_DIR}/sources/*.list")
foreach(VPT_LIST ${VPT_LISTS})
  get_filename_component(VPT_NAME "${VPT_LIST}" NAME_WE)
  file(STRINGS "${VPT_LIST}" VPT_SOURCES_${VPT_NAME})
  list(TRANSFORM VPT_SOURCES_${VPT_NAME} PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
  list(APPEND VPT_SOURCES ${VPT_SOURCES_${VPT_NAME}})
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${VPT_LISTS})

set(VPT_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/include")

set(VPT_PORT_SOURCES assign_port.c assign_vectors.c cf8.c direct.c ecam.c emulated_function.c io_window.c page_pool.c
  x86_io.c)
list(TRANSFORM VPT_PORT_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/port/")
set(VPT_PORT_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/port")
