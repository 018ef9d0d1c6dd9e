/* Animals that break the boundary itself. The definitions say what the library states about itself; the
   setting `animal` says what a session does. */
#include "ledgerline.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC LL_MAGIC
#endif
#ifndef MAJOR
#define MAJOR LL_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR LL_ABI_MINOR
#endif
#ifndef STATE
#define STATE "1"
#endif
#ifndef STREAMS
#define STREAMS "\"streams\":{\"animals\":{\"title\":\"animal\",\"ops\":[\"pull\"],\"key\":\".id\"," \
    "\"date\":\".date\",\"total\":\".total\"},\"cages\":{\"title\":\"cage\",\"ops\":[\"push\"]," \
    "\"batch\":{\"documents\":1,\"bytes\":1000},\"total\":\".total\"}}"
#endif

struct ll_session {
    char animal[64];
    int steps;
    ll_sleep sleep;
    ll_effect effects[2];
    ll_doc doc;
};

static const char DOCUMENT[] = "{\"id\":\"sound\",\"date\":\"2026-10-02\",\"total\":1}";

static int32_t create(ll_host host, const ll_create_args *args, ll_session **out) {
    (void)host;
    ll_session *s = calloc(1, sizeof *s);
    if (!s) {
        return LL_STATUS_UNAVAILABLE;
    }
    const char *config = (const char *)args->config.ptr, *end = config + args->config.len;
    for (const char *at = config; at + 9 < end; at++) {
        if (!memcmp(at, "\"animal\":", 9)) {
            const char *from = at + 10;
            for (size_t i = 0; from + i < end && from[i] != '"' && i < sizeof s->animal - 1; i++) {
                s->animal[i] = from[i];
            }
        }
    }
    if (!strcmp(s->animal, "leaks")) {
        /* One of those that look as if they were used. */
        static volatile char *lost;
        lost = malloc(1000);
        *lost = 1;
    }
    *out = s;
    return LL_STATUS_OK;
}

static int is(const ll_session *s, const char *animal) {
    return !strcmp(s->animal, animal);
}

static void *idle(void *nothing) {
    for (;;) {
        pause();
    }
    return nothing;
}

static int32_t step(ll_session *s, ll_host host, const ll_step_in *in, ll_step_out *out) {
    (void)host;
    (void)in;
    if (s->steps++) {
        out->kind = LL_KIND_DONE;
        return LL_STATUS_OK;
    }
    if (is(s, "prints")) {
        puts("hello");
        fflush(stdout);
    }
    if (is(s, "opens-a-socket") && socket(AF_INET, SOCK_STREAM, 0) < 0) {
        return LL_STATUS_UNAVAILABLE;
    }
    if (is(s, "starts-a-thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, idle, NULL);
    }
    if (is(s, "crashes")) {
        abort();
    }
    if (is(s, "unknown-kind")) {
        out->kind = 77;
        return LL_STATUS_OK;
    }
    if (is(s, "waits-for-nothing")) {
        out->kind = LL_KIND_NEED;
        return LL_STATUS_OK;
    }
    if (is(s, "same-id-twice")) {
        s->sleep = (ll_sleep){ .size = sizeof s->sleep, .millis = 1 };
        s->effects[0] = s->effects[1] = (ll_effect){ 4, LL_EFFECT_SLEEP, &s->sleep };
        out->kind = LL_KIND_NEED;
        out->effects = (ll_slice){ s->effects, 2, sizeof s->effects[0] };
        return LL_STATUS_OK;
    }
    s->doc = (ll_doc){
        .change = 1,
        .id = LL_STR("sound"),
        .version = LL_STR("1"),
        .body = { (const uint8_t *)DOCUMENT, sizeof DOCUMENT - 1 },
    };
    if (is(s, "bad-utf8")) {
        s->doc.id = (ll_bytes)LL_STR("\xff\xfe");
    }
    out->kind = LL_KIND_PAGE;
    out->docs = (ll_slice){ &s->doc, 1, sizeof s->doc };
    out->cursor = (ll_bytes)LL_STR("end");
    return LL_STATUS_OK;
}

static void destroy(ll_session *s) {
    free(s);
}

static const void *extension(ll_bytes name) {
    (void)name;
    return NULL;
}

static const ll_connector_vtbl VTBL = {
    sizeof VTBL, LL_OP_PULL | LL_OP_PUSH, create, step, destroy, extension,
};

const ll_connector ledgerline_connector = {
    .header = {
        .magic = MAGIC,
        .abi_major = MAJOR,
        .abi_minor = MINOR,
        .abi_min_minor = MINOR,
        .size = sizeof ledgerline_connector,
    },
    .name = LL_STR("zoo-c"),
    .version = LL_STR("0.1.0"),
    .built_with = LL_STR("c11"),
    .manifest = LL_STR("{\"name\":\"zoo-c\",\"title\":\"The zoo in C\",\"version\":\"0.1.0\","
                       "\"base-url\":\"http://127.0.0.1:9\",\"state-version\":" STATE ","
                       "\"reads-state\":[" STATE "],\"settings\":{\"type\":\"object\"}," STREAMS "}"),
    .vtbl = &VTBL,
};
