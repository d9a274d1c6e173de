# onex_add_plugin(name SOURCES … CONTRACT file.yaml [LINK …] [OUTPUT_DIRECTORY folder])
#
# A plugin is one shared library with one exported symbol; everything else is hidden, and nothing of it is
# shared with the host, so that it unloads cleanly (plugin-abi: flags every plugin must be built with).
#
# onex_add_plugin_test(name PLUGIN plugin SOURCES … [LINK …])
#
# A program of the plugin's own sources and a test (onex/testing.hpp), run by ctest.

function(onex_add_plugin name)
    cmake_parse_arguments(ARG "" "CONTRACT;OUTPUT_DIRECTORY" "SOURCES;LINK" ${ARGN})
    if(NOT ARG_SOURCES OR NOT ARG_CONTRACT)
        message(FATAL_ERROR "onex_add_plugin(${name}): SOURCES and CONTRACT are required")
    endif()
    set(ONEX_API_DIR ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
    get_filename_component(contract ${ARG_CONTRACT} ABSOLUTE)
    set(embedded ${CMAKE_CURRENT_BINARY_DIR}/${name}_contract.c)
    add_custom_command(OUTPUT ${embedded}
        COMMAND ${CMAKE_COMMAND} -DINPUT=${contract} -DOUTPUT=${embedded} -DNAME=onex_contract_text
                -P ${ONEX_API_DIR}/onex_embed_text.cmake
        DEPENDS ${contract} ${ONEX_API_DIR}/onex_embed_text.cmake VERBATIM)

    add_library(${name} MODULE ${ARG_SOURCES} ${embedded})
    set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
    if(ARG_OUTPUT_DIRECTORY)
        set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY})
    endif()
    target_link_libraries(${name} PRIVATE onex::onex ${ARG_LINK})
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
    if(APPLE)
        target_link_options(${name} PRIVATE -Wl,-exported_symbols_list,${ONEX_API_DIR}/plugin_exports.txt)
    else()
        target_link_options(${name} PRIVATE -Wl,--version-script=${ONEX_API_DIR}/plugin_exports.map
            -Wl,--exclude-libs,ALL -Wl,-z,now)
        # Under a sanitizer its runtime's symbols come from the host at load time.
        if(NOT ONEX_SANITIZE)
            target_link_options(${name} PRIVATE -Wl,-z,defs)
        endif()
    endif()
endfunction()

function(onex_add_plugin_test name)
    cmake_parse_arguments(ARG "" "PLUGIN" "SOURCES;LINK" ${ARGN})
    if(NOT ARG_SOURCES OR NOT TARGET "${ARG_PLUGIN}")
        message(FATAL_ERROR "onex_add_plugin_test(${name}): SOURCES and PLUGIN (a plugin of this folder) are required")
    endif()
    get_target_property(sources ${ARG_PLUGIN} SOURCES)
    get_target_property(libraries ${ARG_PLUGIN} LINK_LIBRARIES)
    add_executable(${name} ${ARG_SOURCES} ${sources})
    target_link_libraries(${name} PRIVATE ${libraries} ${ARG_LINK})
    add_dependencies(${name} ${ARG_PLUGIN}) # Both need the contract's text, which is made once.
    add_test(NAME ${name} COMMAND ${name})
endfunction()
