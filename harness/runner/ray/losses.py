"""Why a task of Ray was lost, in words."""

from ray import exceptions

SENTENCES = {
    exceptions.OutOfMemoryError: "the memory of its Ray node ran out, and Ray ended it",
    exceptions.NodeDiedError: "its Ray node was lost",
    exceptions.LocalRayletDiedError: "its Ray node was lost",
    exceptions.WorkerCrashedError: "its process was killed or crashed, or its Ray node was lost",
    exceptions.TaskCancelledError: "it was cancelled",
}


def reason_of(error: exceptions.RayError) -> str:
    """What happened to a task, in one line."""
    for kind, sentence in SENTENCES.items():
        if isinstance(error, kind):
            return sentence
    cause = getattr(error, "cause", None) or error
    first = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
    return f"{type(cause).__name__}: {first}".rstrip(": ")
