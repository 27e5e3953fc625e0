#define LIMIT 1000

__attribute__((import_module("host"), import_name("found"))) void found(int prime);

static unsigned char composite[LIMIT + 1];

/* Counts the primes up to limit, and tells the host of each. */
int count_primes(int limit) {
  int count = 0;
  if (limit > LIMIT) limit = LIMIT;
  for (int i = 0; i <= limit; ++i) composite[i] = 0;
  for (int i = 2; i <= limit; ++i) {
    if (composite[i]) continue;
    ++count;
    found(i);
    for (int multiple = i * i; multiple <= limit; multiple += i) composite[multiple] = 1;
  }
  return count;
}
