# onex_embed_sql(<target> <file.sql> <namespace>): makes <file>_sql.hpp for the sources of <target>, with one
# `inline constexpr std::string_view` for each statement of the file that a line `-- name: insert_event`
# announces. So SQL stands in one file a part, and tests can PREPARE all of it.
# The same file, run as a script, does the work at build time.

if(CMAKE_SCRIPT_MODE_FILE)
    file(READ "${INPUT}" text)
    string(FIND "${text}" "-- name: " start)
    if(start EQUAL -1)
        message(FATAL_ERROR "${INPUT}: no line `-- name: <statement>`")
    endif()
    string(SUBSTRING "${text}" ${start} -1 text)
    # Each name ends the literal before it and begins the next; the first one has none before it.
    string(REGEX REPLACE "-- name: ([a-z][a-z0-9_]*)\n"
           ")sql\";\ninline constexpr std::string_view \\1 = R\"sql(" text "${text}")
    string(REGEX REPLACE "^\\)sql\";\n" "" text "${text}")
    get_filename_component(name "${INPUT}" NAME)
    file(WRITE "${OUTPUT}" "// Made from ${name}.\n#pragma once\n#include <string_view>\n"
         "namespace ${NAMESPACE} {\n${text})sql\";\n}  // namespace ${NAMESPACE}\n")
    return()
endif()

set(ONEX_EMBED_SQL_SCRIPT "${CMAKE_CURRENT_LIST_FILE}" CACHE INTERNAL "Makes headers of SQL files")

function(onex_embed_sql target file namespace)
    get_filename_component(stem ${file} NAME_WE)
    get_filename_component(input ${file} ABSOLUTE)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/sql/${stem}_sql.hpp)
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DNAMESPACE=${namespace}
                -P ${ONEX_EMBED_SQL_SCRIPT}
        DEPENDS ${input} ${ONEX_EMBED_SQL_SCRIPT} VERBATIM)
    target_sources(${target} PRIVATE ${output})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/sql)
endfunction()
