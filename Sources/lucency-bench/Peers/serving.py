"""What the peers of image operations have in common: requests and answers, one JSON a line.

  {"do": "info", "threads": N}                       -> versions of what is installed
  {"do": "prepare", "peer": NAME, "case": {...}}     -> {"check": number}: made ready and run once
  {"do": "time", "runs": K}                          -> {"ms": [...]} of the case prepared last
"""
import importlib
import json
import sys
import time


def serve(modules, prepare):
    """prepare(peer, case, threads) gives a function that is timed and returns the number both sides are compared by."""
    threads, run = 1, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "info":
                threads, answer = request["threads"], {}
                for name in modules:
                    try:
                        module = importlib.import_module(name)
                        answer[name] = module.__version__
                    except ImportError:
                        pass
            elif request["do"] == "prepare":
                run = prepare(request["peer"], request["case"], threads)
                answer = {"check": float(run())}
            else:
                times = []
                for _ in range(request["runs"]):
                    start = time.perf_counter()
                    run()
                    times.append(1000 * (time.perf_counter() - start))
                answer = {"ms": times}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
