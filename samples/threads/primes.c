/* Numbers are handed out to the threads one by one; each thread counts the primes among its own. */

enum { THREADS = 4, LIMIT = 20000, STACK = 16384, BLOCK = 64 };

static _Alignas(16) char stacks[THREADS][STACK];
static _Alignas(16) char blocks[THREADS][BLOCK];

static int next_number = 2; /* shared by all threads, like everything that is not thread-local */
static int primes;

static _Thread_local int found; /* each thread has its own */

/* Where the host is to let a thread's stack begin, which grows downwards; and the place of its thread-local block. */
char *reserve_stack(int thread) { return stacks[thread] + STACK; }
char *reserve_block(int thread) { return __builtin_wasm_tls_size() <= BLOCK ? blocks[thread] : 0; }

static int is_prime(int number) {
  for (int divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return 0;
  return 1;
}

/* What each thread runs; gives how many primes this one found. */
int work(void) {
  for (;;) {
    int number = __atomic_fetch_add(&next_number, 1, __ATOMIC_RELAXED);
    if (number > LIMIT) break;
    found += is_prime(number);
  }
  __atomic_fetch_add(&primes, found, __ATOMIC_SEQ_CST);
  return found;
}

int total(void) { return __atomic_load_n(&primes, __ATOMIC_SEQ_CST); }
