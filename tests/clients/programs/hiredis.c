// hiredis against a device.

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define WORDS_MAX 16

static redisContext *client;

static void step(const char *name) {
    printf("step %s\n", name);
    fflush(stdout);
}

static void expect(int truth, const char *what) {
    if (!truth) {
        fprintf(stderr, "%s%s%s\n", what, client && client->err ? ": " : "", client && client->err ? client->errstr : "");
        exit(1);
    }
}

static int words(const char *name, char **found) {
    int count = 0;
    for (char *word = strtok(getenv(name), " "); word && count < WORDS_MAX; word = strtok(NULL, " ")) found[count++] = word;
    return count;
}

static redisReply *ask(int argc, const char **argv) {
    redisReply *reply = redisCommandArgv(client, argc, argv, NULL);
    expect(reply != NULL, "no reply");
    return reply;
}

static void expect_text(const char *command, const char *argument, const char *text) {
    redisReply *reply = argument ? redisCommand(client, "%s %s", command, argument) : redisCommand(client, command);
    expect(reply && reply->str && strcmp(reply->str, text) == 0, command);
    freeReplyObject(reply);
}

static int is_number(const char *text) {
    char *end;
    strtod(text, &end);
    return *text && !*end;
}

static void expect_number(redisReply *reply, const char *what) {
    expect(reply && reply->type == REDIS_REPLY_STRING && is_number(reply->str), what);
}

static redisContext *connect_device(void) {
    struct timeval timeout = {30, 0};
    redisContext *context = redisConnectWithTimeout(getenv("DEVICE_HOST"), atoi(getenv("DEVICE_PORT")), timeout);
    if (!context || context->err || redisSetTimeout(context, timeout) != REDIS_OK) {
        fprintf(stderr, "can't connect: %s\n", context ? context->errstr : "no memory");
        exit(1);
    }
    return context;
}

static void scan(const char *reading) {
    char cursor[32] = "0";
    int is_found = 0;
    for (int page = 0; page < 1000; page++) {
        redisReply *reply = redisCommand(client, "SCAN %s COUNT 2", cursor);
        expect(reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2, "no page");
        for (size_t at = 0; at < reply->element[1]->elements; at++) {
            is_found |= strcmp(reply->element[1]->element[at]->str, reading) == 0;
        }
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        freeReplyObject(reply);
        if (strcmp(cursor, "0") == 0) break;
    }
    expect(is_found && strcmp(cursor, "0") == 0, "the reading is not scanned");
}

static void pipeline(const char *sampled) {
    for (int number = 0; number < 50; number++) {
        redisAppendCommand(client, "ECHO %d", number);
        redisAppendCommand(client, "GET %s", sampled);
    }
    for (int number = 0; number < 50; number++) {
        redisReply *reply;
        expect(redisGetReply(client, (void **)&reply) == REDIS_OK && atoi(reply->str) == number, "replies out of order");
        freeReplyObject(reply);
        expect(redisGetReply(client, (void **)&reply) == REDIS_OK, "no reply");
        expect_number(reply, "no number");
        freeReplyObject(reply);
    }
}

static void subscribe(const char *sampled) {
    redisContext *kept = client;
    client = connect_device();
    freeReplyObject(redisCommand(client, "SUBSCRIBE %s", sampled));
    for (int count = 0; count < 2; count++) {
        redisReply *reply;
        expect(redisGetReply(client, (void **)&reply) == REDIS_OK, "no message");
        expect(reply->elements == 3 && strcmp(reply->element[0]->str, "message") == 0, "a wrong message");
        expect_number(reply->element[2], "a wrong sample");
        freeReplyObject(reply);
    }
    redisFree(client);
    client = kept;
}

int main(void) {
    char *readings[WORDS_MAX], *meta[WORDS_MAX], *outputs[WORDS_MAX];
    const char *sampled = getenv("DEVICE_SAMPLED");
    int readings_len = words("DEVICE_READINGS", readings), meta_len = words("DEVICE_META", meta);
    int outputs_len = words("DEVICE_OUTPUTS", outputs);

    step("connect");
    client = connect_device();
    step("PING");
    expect_text("PING", NULL, "PONG");
    step("INFO");
    redisReply *reply = redisCommand(client, "INFO");
    expect(reply && strstr(reply->str, "redis_version:") && strstr(reply->str, "uptime_in_seconds:"), "no INFO");
    freeReplyObject(reply);
    step("GET");
    expect_number(reply = redisCommand(client, "GET %s", sampled), "no number");
    freeReplyObject(reply);
    reply = redisCommand(client, "GET no.such.reading");
    expect(reply && reply->type == REDIS_REPLY_NIL, "a reading that is not there");
    freeReplyObject(reply);
    step("MGET");
    const char *mget[WORDS_MAX + 1] = {"MGET"};
    memcpy(mget + 1, readings, sizeof(char *) * readings_len);
    reply = ask(readings_len + 1, mget);
    expect(reply->elements == (size_t)readings_len, "too few values");
    for (int at = 0; at < readings_len; at++) expect_number(reply->element[at], readings[at]);
    freeReplyObject(reply);
    step("SCAN");
    scan(sampled);
    step("HGETALL");
    reply = redisCommand(client, "HGETALL meta:%s", sampled);
    expect(reply && reply->elements >= 2 * (size_t)meta_len, "too few fields");
    freeReplyObject(reply);
    for (int at = 0; at < outputs_len; at++) {
        char name[64];
        snprintf(name, sizeof name, "SET %s", outputs[at]);
        step(name);
        for (const char **state = (const char *[]){"1", "0", NULL}; *state; state++) {
            reply = redisCommand(client, "SET %s %s", outputs[at], *state);
            expect(reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0, "not set");
            freeReplyObject(reply);
            expect_text("GET", outputs[at], *state);
        }
    }
    step("pipeline");
    pipeline(sampled);
    step("XRANGE");
    reply = redisCommand(client, "XRANGE history:%s - + COUNT 3", sampled);
    expect(reply && reply->elements >= 1 && reply->elements <= 3, "no entries");
    expect_number(reply->element[0]->element[1]->element[1], "no value");
    freeReplyObject(reply);
    step("SUBSCRIBE");
    subscribe(sampled);
    step("error");
    reply = redisCommand(client, "GET");
    expect(reply && reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "wrong number of arguments"), "no error");
    freeReplyObject(reply);
    expect_text("PING", NULL, "PONG");
    step("QUIT");
    expect_text("QUIT", NULL, "OK");
    redisFree(client);
    puts("done");
    return 0;
}
