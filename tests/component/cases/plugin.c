// flags: -fno-builtin -fvisibility=hidden
// The world in plugin.wit, by the Canonical ABI and without bindings.

typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define HOST "test:plugin/host@1.0.0"
#define SHAPES "test:plugin/shapes@1.0.0"

IMPORT(HOST, "log") void host_log(const char *text, u32 size);
IMPORT(HOST, "[constructor]counter") u32 counter_new(u32 start);
IMPORT(HOST, "[method]counter.next") u32 counter_next(u32 self);
IMPORT(HOST, "[resource-drop]counter") void counter_drop(u32 handle);
IMPORT("[export]" SHAPES, "[resource-new]canvas") u32 canvas_handle(u32 rep);

static _Alignas(16) char heap[65536];
static u32 used;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
  used = (used + align - 1) & -align;
  char *place = heap + used;
  used += size;
  for (u32 i = 0; i < old_size && i < size; i++)
    place[i] = ((char *)old)[i];
  return place;
}

static u32 *result;
static u32 freed;

EXPORT("cabi_post_" SHAPES "#join") void join_done(u32 *where) { freed += where == result; }
EXPORT("freed") u32 get_freed(void) { return freed; }

struct canvas {
  const char *name;
  u32 size;
  u32 drawn;
};

EXPORT(SHAPES "#[constructor]canvas") u32 canvas_new(const char *name, u32 size) {
  struct canvas *canvas = cabi_realloc(0, 0, 4, sizeof *canvas);
  canvas->name = name;
  canvas->size = size;
  canvas->drawn = counter_new(10);
  return canvas_handle((u32)canvas);
}

EXPORT(SHAPES "#[dtor]canvas") void canvas_delete(struct canvas *canvas) {
  host_log(canvas->name, canvas->size);
  counter_drop(canvas->drawn);
}

EXPORT(SHAPES "#[method]canvas.draw") u32 canvas_draw(struct canvas *canvas, u32 kind, u64 a, u32 b, u32 c, u32 d) {
  return counter_next(canvas->drawn) + kind;
}

EXPORT(SHAPES "#[method]canvas.name") u32 *canvas_name(struct canvas *canvas) {
  result = cabi_realloc(0, 0, 4, 8);
  result[0] = (u32)canvas->name;
  result[1] = canvas->size;
  return result;
}

EXPORT(SHAPES "#area") void *area(u32 kind, u64 a, u32 b, u32 c, u32 d) {
  struct {
    u32 some;
    double value;
  } *answer = cabi_realloc(0, 0, 8, 16);
  union {
    u64 bits;
    double number;
  } radius = {a};
  answer->some = kind != 0;
  answer->value = kind == 1 ? 3 * radius.number * radius.number : (double)(((int)a - (int)c) * ((int)b - (int)d));
  return answer;
}

EXPORT(SHAPES "#join") u32 *join(const u32 *words, u32 count, u32 by) {
  char *text = cabi_realloc(0, 0, 1, 256), *end = text;
  for (u32 i = 0; i < count; i++) {
    if (i)
      *end++ = (char)by;
    for (u32 j = 0; j < words[2 * i + 1]; j++)
      *end++ = ((const char *)words[2 * i])[j];
  }
  host_log(text, (u32)(end - text));
  result = cabi_realloc(0, 0, 4, 8);
  result[0] = (u32)text;
  result[1] = (u32)(end - text);
  return result;
}

EXPORT(SHAPES "#check") u32 *check(u32 colour, u32 style) {
  u32 *answer = cabi_realloc(0, 0, 4, 12);
  answer[0] = colour == 0;
  if (colour == 0) {
    answer[1] = (u32) "no red";
    answer[2] = 6;
  } else
    answer[1] = style;
  return answer;
}

EXPORT(SHAPES "#count") u32 *count(u32 counter, u32 times) {
  u32 *answer = cabi_realloc(0, 0, 4, 8 + 4 * times);
  answer[0] = (u32)(answer + 2);
  answer[1] = times;
  for (u32 i = 0; i < times; i++)
    answer[2 + i] = counter_next(counter);
  counter_drop(counter);
  return answer;
}

EXPORT("twice") u64 twice(u64 number) { return 2 * number; }
