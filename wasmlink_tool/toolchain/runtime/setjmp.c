/* The functions that clang's lowering of setjmp and longjmp to WebAssembly's exceptions calls, and the tag that longjmp
 * throws. A libc may have them as a library (libsetjmp); this is for those that have none. */

struct jump {
    void *frame; /* that of the call of a function that called setjmp */
    unsigned label; /* where in that function, counted from 1 */
    struct {
        void *buffer;
        int value;
    } thrown; /* what the function reads when it catches */
};

void __wasm_setjmp(void *buffer, unsigned label, void *frame)
{
    struct jump *jump = buffer;
    jump->frame = frame;
    jump->label = label;
}

unsigned __wasm_setjmp_test(void *buffer, void *frame)
{
    struct jump *jump = buffer;
    return jump->frame == frame ? jump->label : 0;
}

_Noreturn void __wasm_longjmp(void *buffer, int value)
{
    struct jump *jump = buffer;
    jump->thrown.buffer = buffer;
    jump->thrown.value = value ? value : 1;
    __builtin_wasm_throw(1, &jump->thrown);
}

#ifdef __wasm64__
#define POINTER "i64"
#else
#define POINTER "i32"
#endif
__asm__("\t.globl\t__c_longjmp\n"
        "\t.tagtype\t__c_longjmp " POINTER "\n"
        "__c_longjmp:\n");
