// Four threads enter here at once: each has its own instance, its own stack and its own thread-local block, and all
// have one memory.

enum { THREADS = 4, ROUNDS = 1000, BLOCK = 256, STACK = 4096 };

static _Alignas(64) char blocks[THREADS][BLOCK];
static _Alignas(16) char stacks[THREADS][STACK];

static int once;        // 0, 1 while a thread constructs, 2 afterwards
static int total = 100; // counted by all threads
static int constructions = 5;
static int zeros[64];

_Thread_local int mine = 7;
_Thread_local int cleared[4];
static _Thread_local _Alignas(32) char text[] = "each its own";

extern int far_value(void);
extern int *far_address(void);
void __wasm_call_ctors(void);

__attribute__((constructor)) static void construct(void) { constructions++; }

char *block(int id) { return blocks[id]; }
char *stack(int id) { return stacks[id] + STACK; }
unsigned long block_size(void) { return __builtin_wasm_tls_size(); }
unsigned long block_alignment(void) { return __builtin_wasm_tls_align(); }

static void construct_once(void) {
  int expected = 0;
  if (__atomic_compare_exchange_n(&once, &expected, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    __wasm_call_ctors();
    __atomic_store_n(&once, 2, __ATOMIC_SEQ_CST);
  }
  while (__atomic_load_n(&once, __ATOMIC_SEQ_CST) != 2) {
  }
}

// What the thread's own variables come to; -1 where another thread's showed.
int run(int id) {
  construct_once();
  volatile int kept[8];
  for (int i = 0; i < 8; i++)
    kept[i] = id * 10 + i;
  for (int i = 0; i < ROUNDS; i++) {
    mine += id + 1;
    cleared[i & 3]++;
    __atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
    *far_address() += 2;
  }
  text[0] += (char)id;
  for (int i = 0; i < 8; i++)
    if (kept[i] != id * 10 + i)
      return -1;
  if (cleared[0] != ROUNDS / 4 || text[0] != 'e' + id || text[1] != 'a')
    return -1;
  if ((unsigned long)text % 32 != 0 || (char *)&mine < blocks[id] || (char *)&mine >= blocks[id] + BLOCK)
    return -1;
  return mine + far_value() * 100000;
}

int counted(void) { return total; }
int constructed(void) { return constructions + zeros[3]; }
