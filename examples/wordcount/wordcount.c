/* Counts the lines, words and bytes of the text that is posted to it, and names its most frequent words: a CGI
 * program that knows nothing of Steading. The body is read as it comes and never held whole. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 32, WORDS_MAX = 50000, TABLE = 1 << 17, TOP_MAX = 100 };

struct word {
    char text[WORD_BYTES];
    unsigned long count;
};

static struct word *table[TABLE];
static size_t known;

/* The place of a word in the table: its own, or the free one where it belongs. */
static struct word **find(const char *text) {
    unsigned hash = 2166136261u;
    for (const char *at = text; *at; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
    size_t place = hash % TABLE;
    while (table[place] && strcmp(table[place]->text, text) != 0) place = (place + 1) % TABLE;
    return &table[place];
}

static void count(const char *text) {
    struct word **place = find(text);
    if (!*place) {
        if (known == WORDS_MAX) return;
        *place = calloc(1, sizeof **place);
        if (!*place) {
            fprintf(stderr, "no memory for word %zu\n", known + 1);
            exit(1);
        }
        strcpy((*place)->text, text);
        known++;
    }
    (*place)->count++;
}

/* More frequent ones first, then by the alphabet. */
static int compare(const void *one, const void *other) {
    const struct word *a = *(struct word *const *)one, *b = *(struct word *const *)other;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return strcmp(a->text, b->text);
}

/* The number after `top=` in the query, 3 without it. */
static size_t wanted(void) {
    const char *query = getenv("QUERY_STRING"), *top = query ? strstr(query, "top=") : NULL;
    long number = top ? atol(top + 4) : 3;
    return number < 0 ? 0 : number > TOP_MAX ? TOP_MAX : (size_t)number;
}

int main(void) {
    const char *method = getenv("REQUEST_METHOD");
    if (!method || strcmp(method, "POST") != 0) {
        puts("Status: 405 Method Not Allowed\nAllow: POST\nContent-Type: text/plain\n\npost a text");
        return 0;
    }
    unsigned long lines = 0, words = 0, bytes = 0;
    size_t length = 0;
    char word[WORD_BYTES];
    for (int c;;) {
        c = getchar();
        if (c != EOF) bytes++;
        if (c == '\n') lines++;
        if (c != EOF && isalnum(c)) {
            if (length < WORD_BYTES - 1) word[length++] = (char)tolower(c);
            continue;
        }
        if (length > 0) {
            word[length] = '\0';
            words++;
            count(word);
            length = 0;
        }
        if (c == EOF) break;
    }
    if (ferror(stdin)) {
        fputs("the text could not be read\n", stderr);
        return 1;
    }
    static struct word *sorted[WORDS_MAX];
    size_t filled = 0, top = wanted();
    for (size_t place = 0; place < TABLE; place++)
        if (table[place]) sorted[filled++] = table[place];
    qsort(sorted, filled, sizeof *sorted, compare);
    printf("Content-Type: application/json\n\n{\"lines\":%lu,\"words\":%lu,\"bytes\":%lu,\"top\":[", lines, words, bytes);
    for (size_t place = 0; place < filled && place < top; place++)
        printf("%s{\"word\":\"%s\",\"count\":%lu}", place ? "," : "", sorted[place]->text, sorted[place]->count);
    puts("]}");
    return 0;
}
