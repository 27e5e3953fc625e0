"""Functions that code generation may call although no module names them: the runtime functions of LLVM for
WebAssembly."""

from __future__ import annotations

import functools
import itertools
import re

_SIZES = "{1,2,4,8,16}"
_RUNTIME_LIBRARY = f"""
    __{{add,div,mul,sub}}{{df,sf,tf}}3 __{{ash,lsh}}r{{di,hi,si,ti}}3 __ashl{{di,hi,si,ti}}3
    __{{div,mod,mul,udiv,umod}}{{di,hi,si}}3 __{{div,mod,udiv,umod}}ti3 __{{div,mod,mul}}qi3 __{{udiv,umod}}qi3 __multi3
    __mulo{{d,s,t}}i4 __neg{{di,si}}2
    __{{eq,ge,gt,le,lt,ne,unord}}{{df,sf,tf}}2 __clz{{di,si,ti}}2 __popcount{{di,si,ti}}2 __powi{{df,sf,tf}}2
    __fix{{,uns}}{{df,hf,sf,tf}}{{di,si,ti}} __float{{,un}}{{di,si,ti}}{{df,hf,sf,tf}} __float{{,un}}dibf
    __extend{{bfsf,dftf,hfdf,hfsf,hftf,sfdf,sftf}}2 __trunc{{dfbf,dfhf,dfsf,sfbf,sfhf,tfbf,tfdf,tfhf,tfsf}}2
    __atomic_{{compare_exchange,exchange,load,store}}{{,_1,_2,_4,_8,_16}}
    __atomic_fetch_{{add,and,nand,or,sub,xor}}_{_SIZES}
    __sync_fetch_and_{{add,and,max,min,nand,or,sub,umax,umin,xor}}_{_SIZES}
    __sync_{{lock_test_and_set,val_compare_and_swap}}_{_SIZES}
    __llvm_{{memcpy,memmove,memset}}_element_unordered_atomic_{_SIZES} __llvm_deoptimize
    __stack_chk_fail __stack_chk_guard __safestack_pointer_address __clear_cache _Unwind_CallPersonality
    emscripten_return_address
"""
_C_LIBRARY = """
    calloc free malloc mem{cpy,move,set} __mem{cpy,move,set}_chk fe{get,set}{env,mode} exp10{,f}
    {acos,asin,atan,atan2,cbrt,ceil,copysign,cos,cosh,exp,exp2,fdim,floor,fma,fmax,fmaximum,fmaximum_num}{,f,l}
    {fmin,fminimum,fminimum_num,fmod,frexp,ldexp,llrint,llround,log,log10,log2,lrint,lround,modf,nan,nearbyint}{,f,l}
    {nexttoward,pow,remainder,remquo,rint,round,roundeven,scalbln,scalbn,sin,sinh,sqrt,tan,tanh,tgamma,trunc}{,f,l}
    __{exp,exp2,log,log10,log2,pow}{,f,l}_finite
"""
_EMSCRIPTEN = "__small_{f,,s}printf"


def _expanded(pattern: str) -> list[str]:
    """Return the names that a pattern with alternatives in braces stands for."""
    parts = re.split(r"\{(.*?)\}", pattern)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


@functools.cache
def runtime_libcalls(triple: str) -> tuple[bytes, ...]:
    """Return the functions' names for a target, sorted."""
    text = _RUNTIME_LIBRARY + _C_LIBRARY + (_EMSCRIPTEN if "emscripten" in triple else "")
    return tuple(sorted({name.encode() for pattern in text.split() for name in _expanded(pattern)}))
