/* The smallest program that uses an installed aikit. */
#include <aikit.h>
#include <stdio.h>

int main(void) {
    aikit_kernel kernel = 0;
    aikit_error *error = NULL;
    if (aikit_kernel_open(NULL, 0, &kernel, &error) != AIKIT_OK) {
        fprintf(stderr, "%s\n", aikit_error_message(error));
        aikit_error_free(&error);
        return 1;
    }
    printf("aikit %s abi %u\n", aikit_version(), (unsigned)aikit_abi_version());
    aikit_kernel_free(&kernel);
    return aikit_shutdown(2000) == 0 ? 0 : 1;
}
