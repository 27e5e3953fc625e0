// The header has the world's types and functions, and says which of them to define.

#include "people_bindings.h"

#include <stdlib.h>

typedef exports_sample_people_directory_person_t person;

struct exports_sample_people_directory_book_t {
    person people[8];
    size_t count;
};

exports_sample_people_directory_own_book_t exports_sample_people_directory_constructor_book(void) {
    return exports_sample_people_directory_book_new(calloc(1, sizeof(exports_sample_people_directory_book_t)));
}

bool exports_sample_people_directory_method_book_add(exports_sample_people_directory_borrow_book_t self, person *who,
                                                     people_string_t *err) {
    if (self->count == sizeof self->people / sizeof *self->people) {
        exports_sample_people_directory_person_free(who);
        people_string_dup(err, "the book is full");
        return false;
    }
    sample_people_host_log(&who->name);
    self->people[self->count++] = *who;
    return true;
}

void exports_sample_people_directory_method_book_people(exports_sample_people_directory_borrow_book_t self,
                                                        exports_sample_people_directory_list_person_t *ret) {
    // What is returned is freed after the host has read it: it gets copies.
    ret->len = self->count;
    ret->ptr = calloc(self->count, sizeof(person));
    for (size_t i = 0; i < self->count; i++) {
        ret->ptr[i].age = self->people[i].age;
        people_string_dup_n(&ret->ptr[i].name, (const char *) self->people[i].name.ptr, self->people[i].name.len);
    }
}

void exports_sample_people_directory_book_destructor(exports_sample_people_directory_book_t *book) {
    for (size_t i = 0; i < book->count; i++) exports_sample_people_directory_person_free(&book->people[i]);
    free(book);
}
