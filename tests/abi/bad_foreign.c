/* A library of its own, which a plugin should have linked statically. */
extern void onex_bad_foreign(void);
__attribute__((visibility("default"))) void onex_bad_foreign(void) {}
