/* What plug-ins see of the main program. */

typedef void filter(char *text);

/* For a plug-in to call from its start_plugin(): the main program will apply the filter. */
void add_filter(const char *name, filter *apply);

extern int filter_count;

#define EXPORTED __attribute__((visibility("default")))
