/* Checks international bank account numbers: one in the path, or one a line in a body of any length. Written from
 * sdk/ABI.md alone: no library, no SDK, no WASI. */
typedef unsigned int u32;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("steading_v1"), import_name(#name)))

IMPORT(request_head_read) int request_head_read(u8 *ptr, u32 len);
IMPORT(request_body_read) int request_body_read(u8 *ptr, u32 len);
IMPORT(response_send) int response_send(const u8 *head, u32 head_len, const u8 *body, u32 body_len);
IMPORT(response_start) int response_start(const u8 *head, u32 head_len);
IMPORT(response_write) int response_write(const u8 *ptr, u32 len);
IMPORT(log_write) void log_write(u32 level, const char *ptr, u32 len);

/* The record of the function, in the custom section. */
__asm__(".section .custom_section.steading.functions,\"\",@\n"
        ".ascii \"{\\\"v\\\":1,\\\"name\\\":\\\"iban\\\",\\\"export\\\":\\\"iban\\\","
        "\\\"trigger\\\":{\\\"type\\\":\\\"http\\\",\\\"route\\\":\\\"iban/{number?}\\\","
        "\\\"methods\\\":[\\\"GET\\\",\\\"POST\\\"],\\\"auth\\\":\\\"anonymous\\\"}}\\n\"\n"
        ".text\n");

enum { NUMBER_MIN = 15, NUMBER_MAX = 34, HEAD_MAX = 1 << 17, PIECE = 4096 };

static u8 head[HEAD_MAX], in[PIECE];

/* Bytes on their way out. There is room for a line past the point at which they are sent. */
static u8 out[PIECE + 256];
static u32 filled;

/* A number as far as it has been read: letters in capitals, blanks left out. */
static struct { u8 text[NUMBER_MAX]; u32 length, foreign; } number;

static u32 load(const u8 *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }

static void put(const void *text, u32 length) {
    __builtin_memcpy(out + filled, text, length);
    filled += length;
}

static void put_number(u32 n) {
    u8 bytes[4] = {(u8)n, (u8)(n >> 8), (u8)(n >> 16), (u8)(n >> 24)};
    put(bytes, 4);
}

#define PUT(text) put(text, sizeof text - 1)
#define PUT_STR(text) (put_number(sizeof text - 1), PUT(text))

static void put_head(u32 status) {
    put_number(status);
    put_number(1);
    PUT_STR("content-type");
    PUT_STR("text/plain; charset=utf-8");
}

/* A response that is whole: what was put in since the head ended. */
static int send_from(u32 head_length) {
    return response_send(out, head_length, out + head_length, filled - head_length);
}

static void take(u8 c) {
    if (c == ' ' || c == '\r' || c == '\t') return;
    if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
    if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9')) number.foreign = 1;
    else if (number.length < NUMBER_MAX) number.text[number.length++] = c;
    else number.foreign = 1;
}

static int is_digit(u8 c) { return c >= '0' && c <= '9'; }

/* The remainder by 97, the country and its two digits read last (ISO 13616). */
static u32 remainder(void) {
    u32 rest = 0;
    for (u32 i = 0; i < number.length; i++) {
        u8 c = number.text[(i + 4) % number.length];
        rest = is_digit(c) ? (rest * 10 + (c - '0')) % 97 : (rest * 100 + (c - 'A' + 10)) % 97;
    }
    return rest;
}

/* Puts in the line about the number that was read, and forgets the number. */
static void judge(void) {
    const u8 *t = number.text;
    if (number.length == 0 && !number.foreign) return;
    put(t, number.length);
    if (number.foreign || number.length < NUMBER_MIN || is_digit(t[0]) || is_digit(t[1]) || !is_digit(t[2]) || !is_digit(t[3]))
        PUT(": no account number\n");
    else if (remainder() == 1) PUT(": valid\n");
    else PUT(": wrong check digits\n");
    number.length = number.foreign = 0;
}

/* Answers while the body still comes, so that it may be of any length. */
static int check_body(void) {
    put_head(200);
    if (response_start(out, filled) != 0) return 1;
    filled = 0;
    int count;
    while ((count = request_body_read(in, sizeof in)) > 0) {
        for (int i = 0; i < count; i++) {
            if (in[i] == '\n') judge();
            else take(in[i]);
            if (filled < PIECE) continue;
            if (response_write(out, filled) != 0) return 1;
            filled = 0;
        }
    }
    if (count < 0) {
        static const char why[] = "the body could not be read to its end";
        log_write(0, why, sizeof why - 1);
        return 1;
    }
    judge();
    return response_write(out, filled);
}

__attribute__((export_name("iban"))) int iban(u32 head_length) {
    if (head_length > sizeof head) return 1; /* the caller gets status 500 */
    request_head_read(head, head_length);
    const u8 *at = head;
    u32 is_post = load(at) == 4 && at[4] == 'P';
    for (u32 field = 0; field < 4; field++) at += 4 + load(at); /* method, path, query, invocation */
    u32 parameters = load(at);
    if (parameters == 0 && is_post) return check_body();
    if (parameters == 0) {
        put_head(400);
        u32 end = filled;
        PUT("name a number in the path, or post one a line\n");
        return send_from(end);
    }
    const u8 *value = at + 4;
    value += 4 + load(value); /* the parameter's name */
    for (u32 i = 0; i < load(value); i++) take(value[4 + i]);
    put_head(200);
    u32 end = filled;
    judge();
    return send_from(end);
}
