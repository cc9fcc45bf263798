/*
 * point - named places at which a program of the fault tests dies
 *
 * CRIER_FAULT_POINT=NAME:N in the environment: the N-th passing of NAME is kill -9 of the process
 * by itself. The programs are the installed ones with the linker's --wrap around a few functions,
 * so that no line of them knows of this.
 */
#ifndef POINT_H
#define POINT_H

void point_pass(const char *name);

#endif
