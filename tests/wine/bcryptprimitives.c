/* The one function of Windows' bcryptprimitives.dll that Rust's standard library calls, for Wine before 9,
   which has no such library. The tests compile it and put it beside the binary. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG count); /* RtlGenRandom, in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return SystemFunction036(bytes, (ULONG)count);
}
