/* crierd: see app.h for what it is made of, docs/architecture.md for what it does. */
#include "app.h"

int
main(int argc, char **argv)
{
    return cr_service_main(&app_program, argc, argv);
}
