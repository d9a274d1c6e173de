/* The ABI's version: the only place where it is written. C99. */
#ifndef ONEX_VERSION_H
#define ONEX_VERSION_H

#define ONEX_ABI_MAJOR 1
#define ONEX_ABI_MINOR 0

#endif
