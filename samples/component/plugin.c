// The names and types are those of the world in wit/plugin.wit, by the Canonical ABI.

__attribute__((import_module("sample:plugin/host@1.0.0"), import_name("log"))) void host_log(const char *text, unsigned size);

__attribute__((export_name("twice"))) unsigned long long twice(unsigned long long number) {
    static const char text[] = "doubling";
    host_log(text, sizeof text - 1);
    return 2 * number;
}
