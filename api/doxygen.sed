# The C headers carry plain comments; for doxygen they become documentation of what they stand at.
1s|^/\* |/** \\file\
 * |
/^\/\* -/d
s|^\( *\)/\* |\1/** |
s|^\(.*[^ /*].*[^ *]\)  */\* \(.*\)$|\1 /**< \2|
# Angle brackets of the text are no markup.
/^#include/!s|<\([a-z ]*\)>|\&lt;\1\&gt;|g
