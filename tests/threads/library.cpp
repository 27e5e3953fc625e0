/* Position-independent code with thread-local variables: constructed, with pointers, and plain. */

#define EXPORT extern "C" __attribute__((visibility("default")))

static int shared[4] = {1, 2, 3, 4};
static int made, registered;

/* What a C++ runtime provides. */
extern "C" int __cxa_thread_atexit(void (*)(void *), void *, void *) {
  __atomic_fetch_add(&registered, 1, __ATOMIC_SEQ_CST);
  return 0;
}
extern "C" {
void *__dso_handle;
}

struct Own {
  int value = 7;
  Own() { __atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST); }
  ~Own() { value = 0; }
};
static int add(int *number) { return *number + 1; }

static thread_local Own own;
static thread_local int plain = 3, zero;
static thread_local int *number = &shared[2];
static thread_local int (*function)(int *) = add;
static thread_local int *const neighbour = &shared[3];

alignas(64) static char blocks[4][1024];
alignas(16) static char stacks[4][4096];
EXPORT char *block(int thread) { return __builtin_wasm_tls_size() <= sizeof *blocks ? blocks[thread] : 0; }
EXPORT char *stack(int thread) { return stacks[thread] + sizeof *stacks; }

EXPORT int run(int thread) {
  for (int i = 0; i < 1000; ++i) {
    own.value += thread;
    plain += thread;
    ++zero;
  }
  number += thread & 1;
  return own.value + plain + zero + function(number) * 100000 + *neighbour * 1000000;
}
EXPORT int counts(void) { return made * 100 + registered; }
EXPORT int per_thread(void) { return (int)__builtin_wasm_tls_size(); }
