/* What a plugin that is built by hand shows to everybody. */
extern const char onex_contract_text[];
__attribute__((visibility("default"))) const char onex_contract_text[] = "";
extern const int one_more_symbol;
__attribute__((visibility("default"))) const int one_more_symbol = 1;
