// A program that uses preview 1 without a C library: it prints its first argument, and fails if it has none.

typedef unsigned int u32;
#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

WASI(args_sizes_get) u32 args_sizes_get(u32 *count, u32 *size);
WASI(args_get) u32 args_get(char **arguments, char *text);
WASI(fd_write) u32 fd_write(u32 file, const void *vector, u32 count, u32 *written);
WASI(proc_exit) _Noreturn void proc_exit(u32 status);

static char *arguments[16];
static char text[1024];

static void print(const char *what) {
  u32 size = 0, written;
  while (what[size])
    size++;
  struct {
    const char *what;
    u32 size;
  } piece = {what, size};
  fd_write(1, &piece, 1, &written);
}

void _start(void) {
  u32 count, size;
  args_sizes_get(&count, &size);
  args_get(arguments, text);
  if (count < 2)
    proc_exit(1);
  print("hello ");
  print(arguments[1]);
}
