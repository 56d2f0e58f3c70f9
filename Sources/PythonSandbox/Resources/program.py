"""The process in which the candidate's code runs: loads it, then answers the judge's questions until it is killed."""
import builtins, io, os, resource, signal, sys, types


class Namespace:
    """The handle of the program's module; the judge asks for names in it."""


def main(fd):
    peer = PEER.Peer(fd, guarded=False)
    state = {}
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8",
                                                   errors="backslashreplace")
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.BufferedWriter(io.FileIO(2, "w", closefd=False)), encoding="utf-8",
                                                   errors="backslashreplace", line_buffering=True)

    def flush():
        for stream in (sys.stdout, sys.__stdout__, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass

    def load(decoder, job):
        memory, cpu = job["memory"], job["cpu"]
        for kind, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, job["file"]),
                            (resource.RLIMIT_NPROC, job["processes"])):
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
        # The limit above counts in whole seconds. A program may undo this one, and meets that one then.
        signal.setitimer(signal.ITIMER_PROF, job["cpuTime"])
        module = types.ModuleType(job["module"])
        sys.modules[job["module"]] = module
        state["module"] = module
        builtins.input = ask
        for filename, source in (("<prelude>", job["prelude"]), ("<program>", job["program"]), ("<setup>", job["setup"])):
            if source:
                state["stage"] = filename
                exec(compile(source, filename, "exec", 0, True), module.__dict__)
        return names(decoder), False

    def names(decoder):
        """(name, kind, name of the module it is, the value where it is a function or class of the program)"""
        out = []
        for name, value in module_items():
            if isinstance(value, types.ModuleType):
                out.append((name, "module", value.__name__ if type(value.__name__) is str else None, None))
            elif isinstance(value, (types.FunctionType, type)) and value.__module__ == state["module"].__name__:
                out.append((name, "callable", None, value))
            else:
                out.append((name, "callable" if callable(value) else "value", None, None))
        return out

    def module_items():
        return [(n, v) for n, v in list(state["module"].__dict__.items())
                if type(n) is str and not (n.startswith("__") and n.endswith("__"))]

    def name(decoder, name):
        d = state["module"].__dict__
        if name not in d:
            raise AttributeError("module %r has no attribute %r" % (state["module"].__name__, name))
        return d[name], True

    def set_name(decoder, name, value):
        state["module"].__dict__[name] = decoder.decode(value)
        return None, False

    def delete_name(decoder, name):
        state["module"].__dict__.pop(name, None)
        return None, False

    def ask(prompt="", /):
        flush()
        return peer.request("input", str(prompt))

    peer.handlers.update({"load": load, "name": name, "set_name": set_name, "delete_name": delete_name})
    peer.before_reply = flush
    try:
        while True:
            peer.serve(peer.receive())
    except PEER.PeerGone:
        os._exit(0)
