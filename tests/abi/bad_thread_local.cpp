// A thread_local with a destructor: the thread that touched it keeps the library until it ends.
#include <string>

extern "C" void touch_thread_local() {
    thread_local std::string name;
    name += "touched";
}
