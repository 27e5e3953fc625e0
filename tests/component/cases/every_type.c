// Passes what each exported function of echo is given to the imported one, and returns what that one returns.
#include "every_bindings.h"

// An allocator that never reuses memory, and counts what is not freed.

static uint8_t heap[1 << 20] __attribute__((aligned(16)));
static size_t used, live;

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  for (size_t i = 0; i < size; i++) ((volatile uint8_t *) to)[i] = ((const uint8_t *) from)[i];
  return to;
}

size_t strlen(const char *text) {
  size_t size = 0;
  while (((const volatile char *) text)[size]) size++;
  return size;
}

void *realloc(void *old, size_t size) {
  void *found = heap + used + 16;
  *(size_t *) (heap + used) = size;
  used += 16 + ((size + 15) & ~(size_t) 15);
  if (used > sizeof heap) __builtin_trap();
  if (old) memcpy(found, old, ((size_t *) old)[-4]);
  else live++;
  return found;
}

void free(void *memory) {
  if (!memory) return;
  if (((size_t *) memory)[-4] == ~(size_t) 0) __builtin_trap();
  ((size_t *) memory)[-4] = ~(size_t) 0;
  live--;
}

uint32_t exports_every_live(void) { return live; }

#define SCALAR(name, type) \
  type exports_test_every_echo_##name(type a) { return test_every_echo_##name(a); }
#define WHOLE(name, type) \
  void exports_test_every_echo_##name(type *a, type *ret) { test_every_echo_##name(a, ret); }
#define OWNED(name, type) \
  void exports_test_every_echo_##name(type##_t *a, type##_t *ret) { test_every_echo_##name(a, ret); type##_free(a); }

void exports_test_every_echo_ints(uint8_t a, int8_t b, uint16_t c, int16_t d, uint32_t e, int32_t f, uint64_t g,
                                  int64_t h, every_tuple8_u8_s8_u16_s16_u32_s32_u64_s64_t *ret) {
  test_every_echo_ints(a, b, c, d, e, f, g, h, ret);
}
double exports_test_every_echo_floats(float a, double b) { return test_every_echo_floats(a, b); }
SCALAR(single_f32, float)
SCALAR(negate, bool)
SCALAR(next, uint32_t)
SCALAR(s8s, int8_t)
OWNED(str, every_string)
void exports_test_every_echo_u8s(every_list_u8_t *a, test_every_types_bytes_t *ret) {
  test_every_echo_u8s(a, ret);
  every_list_u8_free(a);
}
OWNED(strs, every_list_string)
OWNED(points, test_every_types_list_point)
OWNED(mix, test_every_types_mixed)
OWNED(shapes, test_every_echo_shape)
OWNED(shape_list, test_every_types_list_shape)
SCALAR(pick, test_every_types_colour_t)
SCALAR(widen, test_every_types_wide_t)
SCALAR(flag8, test_every_types_f8_t)
SCALAR(flag16, test_every_types_f16_t)
SCALAR(flag32, test_every_types_f32s_t)

bool exports_test_every_echo_opt(uint32_t *maybe_a, uint32_t *ret) { return test_every_echo_opt(maybe_a, ret); }
bool exports_test_every_echo_opt_str(every_string_t *maybe_a, every_string_t *ret) {
  bool some = test_every_echo_opt_str(maybe_a, ret);
  if (maybe_a) every_string_free(maybe_a);
  return some;
}
bool exports_test_every_echo_opt_opt(every_option_u8_t *maybe_a, every_option_u8_t *ret) {
  return test_every_echo_opt_opt(maybe_a, ret);
}
bool exports_test_every_echo_res(every_result_u32_string_t *a, uint32_t *ret, every_string_t *err) {
  bool ok = test_every_echo_res(a, ret, err);
  every_result_u32_string_free(a);
  return ok;
}
bool exports_test_every_echo_res_ok(every_result_string_void_t *a, every_string_t *ret) {
  bool ok = test_every_echo_res_ok(a, ret);
  every_result_string_void_free(a);
  return ok;
}
bool exports_test_every_echo_res_err(every_result_void_f32_t *a, float *err) { return test_every_echo_res_err(a, err); }
bool exports_test_every_echo_res_none(every_result_void_void_t *a) { return test_every_echo_res_none(a); }
bool exports_test_every_echo_res_res(every_result_result_u8_f64_option_s64_t *a, every_result_u8_f64_t *ret,
                                     every_option_s64_t *err) {
  return test_every_echo_res_res(a, ret, err);
}
WHOLE(one, test_every_types_single_t)
WHOLE(pairs, test_every_types_pair_t)
OWNED(nested, test_every_types_list_list_tuple2_string_option_colour)
void exports_test_every_echo_many(uint8_t a, every_string_t *b, test_every_types_point_t *c, int64_t *maybe_d, float e,
                                  double f, every_list_u16_t *g, test_every_types_shape_t *h, uint8_t i, bool j,
                                  every_string_t *ret) {
  test_every_echo_many(a, b, c, maybe_d, e, f, g, h, i, j, ret);
  every_string_free(b);
  every_list_u16_free(g);
  test_every_types_shape_free(h);
}
void exports_test_every_echo_nothing(void) { test_every_echo_nothing(); }

// Each exported blob has an imported one.

struct exports_test_every_echo_blob_t {
  test_every_echo_own_blob_t inner;
};

static exports_test_every_echo_own_blob_t wrap(test_every_echo_own_blob_t inner) {
  exports_test_every_echo_blob_t *blob = realloc(NULL, sizeof *blob);
  blob->inner = inner;
  return exports_test_every_echo_blob_new(blob);
}

// Take the imported blob out of an exported one, which is dropped.
static test_every_echo_own_blob_t unwrap(exports_test_every_echo_own_blob_t handle) {
  exports_test_every_echo_blob_t *blob = exports_test_every_echo_blob_rep(handle);
  test_every_echo_own_blob_t inner = blob->inner;
  blob->inner.__handle = 0;
  exports_test_every_echo_blob_drop_own(handle);
  return inner;
}

void exports_test_every_echo_blob_destructor(exports_test_every_echo_blob_t *blob) {
  if (blob->inner.__handle) test_every_echo_blob_drop_own(blob->inner);
  free(blob);
}

exports_test_every_echo_own_blob_t exports_test_every_echo_constructor_blob(every_list_u8_t *init) {
  test_every_echo_own_blob_t inner = test_every_echo_constructor_blob(init);
  every_list_u8_free(init);
  return wrap(inner);
}

void exports_test_every_echo_method_blob_read(exports_test_every_echo_borrow_blob_t self, uint32_t n,
                                              every_list_u8_t *ret) {
  test_every_echo_method_blob_read(test_every_echo_borrow_blob(self->inner), n, ret);
}

uint32_t exports_test_every_echo_method_blob_size(exports_test_every_echo_borrow_blob_t self) {
  return test_every_echo_method_blob_size(test_every_echo_borrow_blob(self->inner));
}

exports_test_every_echo_own_blob_t exports_test_every_echo_static_blob_merge(exports_test_every_echo_own_blob_t a,
                                                                             exports_test_every_echo_borrow_blob_t b) {
  return wrap(test_every_echo_static_blob_merge(unwrap(a), test_every_echo_borrow_blob(b->inner)));
}

void exports_test_every_echo_hold(exports_test_every_echo_holder_t *a, exports_test_every_echo_holder_t *ret) {
  test_every_echo_holder_t given = { unwrap(a->b), a->label };
  test_every_echo_holder_t back;
  test_every_echo_hold(&given, &back);
  every_string_free(&a->label);
  ret->b = wrap(back.b);
  ret->label = back.label;
}

void exports_test_every_echo_blobs(exports_test_every_echo_list_own_blob_t *a,
                                   exports_test_every_echo_list_own_blob_t *ret) {
  for (size_t i = 0; i < a->len / 2; i++) {
    exports_test_every_echo_own_blob_t other = a->ptr[i];
    a->ptr[i] = a->ptr[a->len - 1 - i];
    a->ptr[a->len - 1 - i] = other;
  }
  *ret = *a;
}

uint32_t exports_test_every_echo_size_of(uint32_t a, exports_test_every_echo_borrow_blob_t *maybe_b) {
  if (!maybe_b) return test_every_echo_size_of(a, NULL);
  test_every_echo_borrow_blob_t b = test_every_echo_borrow_blob((*maybe_b)->inner);
  return test_every_echo_size_of(a, &b);
}

// The world's own functions.

uint32_t exports_every_root(every_point_t *p, every_borrow_token_t t) {
  return (uint32_t) (p->x - p->y) + every_method_token_id(t);
}

void exports_every_swap(every_point_t *p, every_point_t *ret) { every_root_import(p, ret); }

uint32_t exports_every_ask(uint32_t value) { return helper_for(value); }

bool exports_every_maybe(every_tuple2_u8_option_borrow_token_t *t, uint32_t *ret) {
  if (t->f1.is_some) *ret = t->f0 + every_method_token_id(t->f1.val);
  return t->f1.is_some;
}

every_own_token_t exports_every_give(every_own_token_t t) { return t; }

void exports_own_label_get(every_string_t *ret_, uint8_t err_, exports_own_label_shape_t *ret) {
  if (err_ > 0) {
    ret->tag = TEST_EVERY_TYPES_SHAPE_INT;
    ret->val.int_ = err_;
    every_string_free(ret_);
  } else {
    ret->tag = TEST_EVERY_TYPES_SHAPE_NAMED;
    ret->val.named = *ret_;
  }
}
