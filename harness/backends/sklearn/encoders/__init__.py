"""The encoders of this backend: each is a whole model, without pooling and head."""

from harness.backends.sklearn.encoders.dummy import Dummy
from harness.backends.sklearn.encoders.nb_svm import NbSvm
from harness.backends.sklearn.encoders.tfidf_logreg import TfidfLogreg

__all__ = ["Dummy", "NbSvm", "TfidfLogreg"]
