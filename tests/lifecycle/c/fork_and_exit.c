/* A C program ends, or forks, while runs are under way. Every situation has a process of its own, in
 * which the library was not used before. */
#include <aikit.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOW                                                                                        \
    "identity: {agent_id: slow}\n"                                                                  \
    "intelligence:\n"                                                                               \
    "  model: scripted/slow\n"                                                                      \
    "  script: [{text: a b c d e f g h i j k l m n o p q r s t u v w x y z, delay_ms: 100}]\n"
#define ENDLESS                                                                                     \
    "identity: {agent_id: endless}\n"                                                               \
    "intelligence: {model: scripted/endless, script: [{text: a b c, delay_ms: 600000}]}\n"
#define QUICK                                                                                       \
    "identity: {agent_id: quick}\n"                                                                 \
    "intelligence: {model: scripted/quick, script: [{text: done}]}\n"

/* What a situation answers when the library did not do what it was asked for. */
enum { UNEXPECTED = 99, SECONDS = 60 };

static void expect(aikit_status got, aikit_status wanted, const char *what) {
    if (got == wanted) return;
    printf("%s: expected %s, got %s\n", what, aikit_status_name(wanted), aikit_status_name(got));
    fflush(stdout);
    _exit(UNEXPECTED);
}

static aikit_agent new_agent(const char *source) {
    aikit_kernel kernel = 0;
    aikit_spec spec = 0;
    aikit_agent agent = 0;
    expect(aikit_kernel_open(NULL, 0, &kernel, NULL), AIKIT_OK, "open");
    expect(aikit_spec_parse(source, strlen(source), &spec, NULL), AIKIT_OK, "parse");
    expect(aikit_agent_new(kernel, spec, NULL, 0, &agent, NULL), AIKIT_OK, "agent");
    return agent;
}

/* A run that streams, two of its events taken. */
static aikit_run streaming(aikit_agent agent) {
    aikit_run run = 0;
    expect(aikit_agent_start(agent, "go", 2, NULL, 0, &run, NULL), AIKIT_OK, "start");
    for (int i = 0; i < 2; i++) {
        int32_t state = 0;
        aikit_bytes event = {0};
        expect(aikit_run_next_event(run, -1, &state, &event, NULL), AIKIT_OK, "event");
        aikit_bytes_free(&event);
    }
    return run;
}

static void *wait_for_ever(void *run) {
    aikit_bytes result = {0};
    (void)aikit_run_wait(*(aikit_run *)run, -1, &result, NULL);
    aikit_bytes_free(&result);
    return NULL;
}

static void exit_in_mid_stream(void) {
    streaming(new_agent(SLOW));
    exit(7);
}

#define COUNTING                                                                                    \
    "agent: local\n"                                                                                \
    "model: local/SmolLM2-135M-Instruct.Q4_1.gguf\n"                                                \
    "intelligence: {temperature: 0, max_tokens: 2000}\n"

static void exit_while_a_model_in_the_process_answers(void) {
    streaming(new_agent(COUNTING));
    exit(7);
}

static void leave_in_mid_stream(void) {
    streaming(new_agent(SLOW));
    _exit(7);
}

static void exit_with_many_runs(void) {
    aikit_agent agent = new_agent(SLOW);
    for (int i = 0; i < 50; i++) streaming(agent);
    exit(7);
}

static void exit_while_a_thread_waits(void) {
    static aikit_run run;
    run = streaming(new_agent(SLOW));
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, &run) != 0) exit(UNEXPECTED);
    usleep(50000);
    exit(7);
}

static void shut_down_in_mid_stream(void) {
    aikit_run run = streaming(new_agent(ENDLESS));
    aikit_bytes result = {0};
    if (aikit_shutdown(50000) != 0) exit(UNEXPECTED);
    expect(aikit_run_wait(run, 50000, &result, NULL), AIKIT_OK, "the result after the shutdown");
    exit(strstr((const char *)result.data, "cancelled") ? 7 : UNEXPECTED);
}

/* What a process that was forked from a busy one can do: nothing old, everything new. */
static void in_a_fork(aikit_agent agent, aikit_run run) {
    aikit_bytes text = {0};
    int32_t state = 0;
    expect(aikit_agent_run(agent, "x", 1, NULL, 0, &text, NULL), AIKIT_FORKED, "an old agent");
    expect(aikit_run_next_event(run, 0, &state, &text, NULL), AIKIT_FORKED, "an old run");
    aikit_run_free(&run);
    aikit_agent fresh = new_agent(QUICK);
    expect(aikit_agent_run(fresh, "x", 1, NULL, 0, &text, NULL), AIKIT_OK, "a new agent");
    exit(strstr((const char *)text.data, "done") ? 7 : UNEXPECTED);
}

static void fork_in_mid_stream(void) {
    aikit_agent agent = new_agent(SLOW);
    aikit_run run = streaming(agent);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        in_a_fork(agent, run);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) exit(UNEXPECTED);
    /* The parent's own run goes on as if nothing had happened. */
    aikit_bytes result = {0};
    expect(aikit_run_wait(run, -1, &result, NULL), AIKIT_OK, "the run of the parent");
    if (strstr((const char *)result.data, "finished") == NULL) exit(UNEXPECTED);
    exit(WEXITSTATUS(status));
}

static void fork_before_first_use(void) {
    pid_t child = fork();
    aikit_bytes result = {0};
    expect(aikit_agent_run(new_agent(QUICK), "x", 1, NULL, 0, &result, NULL), AIKIT_OK, "run");
    if (child == 0) exit(7);
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) exit(UNEXPECTED);
    exit(WEXITSTATUS(status));
}

/* Performs a situation in a child; it must end with status 7, within its time. */
static void situation(const char *name, void (*perform)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        perform();
        _exit(UNEXPECTED);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        printf("fail %s: no child\n", name);
    } else if (WIFSIGNALED(status)) {
        printf("fail %s: ended by signal %d\n", name, WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 7) {
        printf("fail %s: ended with status %d\n", name, WEXITSTATUS(status));
    } else {
        printf("pass %s\n", name);
    }
}

int main(void) {
    for (int i = 0; i < 10; i++) situation("exit in mid-stream", exit_in_mid_stream);
    situation("exit while a model in the process answers", exit_while_a_model_in_the_process_answers);
    situation("_exit in mid-stream", leave_in_mid_stream);
    situation("exit with many runs", exit_with_many_runs);
    situation("exit while a thread waits for a run", exit_while_a_thread_waits);
    situation("aikit_shutdown in mid-stream", shut_down_in_mid_stream);
    situation("fork in mid-stream", fork_in_mid_stream);
    situation("fork before first use", fork_before_first_use);
    return 0;
}
