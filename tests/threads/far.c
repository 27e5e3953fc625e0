// Position-independent: the address of a thread-local variable comes from a global that each thread sets.
_Thread_local int far = 3;
static _Thread_local int *where;

int far_value(void) { return far; }

int *far_address(void) {
  where = &far;
  return where;
}
