/* Prints how a C or C++ compiler lays out what aikit.h describes. */
#include <aikit.h>
#include <stdio.h>

#ifdef __cplusplus
#define ALIGN alignof
#else
#define ALIGN _Alignof
#endif
#define N(value) ((unsigned)(value))

int main(void) {
    printf("aikit_bytes %u %u %u %u\n", N(sizeof(aikit_bytes)), N(ALIGN(aikit_bytes)),
           N(offsetof(aikit_bytes, data)), N(offsetof(aikit_bytes, len)));
    printf("aikit_run_callbacks %u %u %u %u %u %u %u\n", N(sizeof(aikit_run_callbacks)),
           N(ALIGN(aikit_run_callbacks)), N(offsetof(aikit_run_callbacks, struct_size)),
           N(offsetof(aikit_run_callbacks, user_data)), N(offsetof(aikit_run_callbacks, on_event)),
           N(offsetof(aikit_run_callbacks, on_end)), N(offsetof(aikit_run_callbacks, finalizer)));
    printf("handles %u %u %u %u %u %u\n", N(sizeof(aikit_kernel)), N(sizeof(aikit_spec)),
           N(sizeof(aikit_agent)), N(sizeof(aikit_run)), N(sizeof(aikit_reply)),
           N(sizeof(aikit_admin)));
    printf("status %u %d\n", N(sizeof(aikit_status)), (int)AIKIT_SPEC_INVALID);
    return 0;
}
