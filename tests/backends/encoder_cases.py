"""Every encoder with every argument that changes its arithmetic, and the arguments that encoders refuse."""

from typing import Any

ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("Identity", {}),
    "dot": ("SelfAttention", {"hidden_size": 7}),
    "dot heads relu": ("SelfAttention", {"hidden_size": 14, "num_heads": 2, "normalize": "relu"}),
    "additive": ("SelfAttention", {"hidden_size": 14, "num_heads": 2, "score": "additive"}),
    "additive relu scaled": (
        "SelfAttention", {"hidden_size": 7, "score": "additive", "normalize": "relu", "scale": 0.6},
    ),
    "rnn": ("RNN", {"hidden_size": 7}),
    "rnn relu": ("RNN", {"hidden_size": 7, "nonlinearity": "relu"}),
    "lstm": ("LSTM", {"hidden_size": 7}),
    "lstm of two layers": ("LSTM", {"hidden_size": 7, "num_layers": 2, "dropout": 0.4}),
    "gru": ("GRU", {"hidden_size": 7}),
    "gru of two layers": ("GRU", {"hidden_size": 7, "num_layers": 2}),
    "bidirectional lstm": ("Bidirectional", {"inner": ("LSTM", {"hidden_size": 7})}),
    "bidirectional gru": ("Bidirectional", {"inner": ("GRU", {"hidden_size": 7})}),
    "bidirectional attention": ("Bidirectional", {"inner": ("SelfAttention", {"hidden_size": 7})}),
    "stack": (
        "Stack", {"layers": {
            "first": ("Bidirectional", {"inner": ("LSTM", {"hidden_size": 7})}),
            "second": ("SelfAttention", {"hidden_size": 6, "num_heads": 2}),
        }},
    ),
}
"""Every encoder with every argument that changes its arithmetic."""

TORCH_ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm by steps": ("LSTM", {"hidden_size": 7, "num_layers": 2, "dropout": 0.4, "kernel": "harness"}),
    "gru by torch": ("GRU", {"hidden_size": 7, "kernel": "torch"}),
    "cnn": ("CNN", {"hidden_size": 7}),
    "cnn of three layers": ("CNN", {"hidden_size": 7, "num_layers": 3, "kernel_size": 4, "dilation": [1, 3, 2]}),
    "cnn causal": ("CNN", {"hidden_size": 7, "num_layers": 2, "causal": True}),
    "cnn of several widths": ("CNN", {"hidden_size": 7, "num_layers": 2, "kernel_size": [2, 3, 5]}),
    "cnn with batch norm": ("CNN", {"hidden_size": 7, "num_layers": 2, "batch_norm": True}),
    "fcn": ("FCN", {"hidden_sizes": [11, 13, 7], "kernel_sizes": [5, 3, 2]}),
    "transformer": ("Transformer", {"hidden_size": 14, "num_layers": 2, "num_heads": 2, "feed_forward_size": 11}),
    "transformer rotary": (
        "Transformer", {"hidden_size": 12, "num_heads": 3, "feed_forward_size": 11, "dropout": 0.4, "rotary": True},
    ),
    "linear attention": ("LinearAttention", {"hidden_size": 14, "num_heads": 2}),
    "linear attention causal": ("LinearAttention", {"hidden_size": 14, "num_heads": 2, "causal": True}),
    "min gru": ("MinGRU", {"hidden_size": 7}),
    "s4d": ("S4D", {"hidden_size": 7, "num_layers": 2, "state_size": 6, "dropout": 0.4}),
    "jordan": ("JordanRNN", {"hidden_size": 13, "output_size": 7}),
    "cell": ("Cell", {"hidden_size": 7, "cell": "RNNCell"}),
    "cell of a tuple": ("Cell", {"hidden_size": 7, "cell": "LSTMCell"}),
    **{
        f"bidirectional {name}": ("Bidirectional", {"inner": (name, own)})
        for name, own in (
            ("CNN", {"hidden_size": 7, "causal": True}),
            ("Transformer", {"hidden_size": 7, "num_heads": 1, "feed_forward_size": 11}),
            ("LinearAttention", {"hidden_size": 7, "num_heads": 1, "causal": True}),
            ("MinGRU", {"hidden_size": 7}),
            ("S4D", {"hidden_size": 7, "state_size": 6}),
            ("JordanRNN", {"hidden_size": 13, "output_size": 7}),
            ("Cell", {"hidden_size": 7, "cell": "GRUCell"}),
        )
    },
    "stack of all": (
        "Stack", {"layers": {
            "first": ("CNN", {"hidden_size": 11}),
            "second": ("MinGRU", {"hidden_size": 13}),
            "third": ("S4D", {"hidden_size": 6, "state_size": 4}),
            "fourth": ("JordanRNN", {"hidden_size": 5, "output_size": 8}),
            "fifth": ("LinearAttention", {"hidden_size": 6, "num_heads": 2}),
            "sixth": ("Cell", {"hidden_size": 5, "cell": "GRUCell"}),
            "seventh": ("Transformer", {"hidden_size": 6, "num_heads": 2, "feed_forward_size": 11}),
        }},
    ),
}
"""The same for the encoders that only PyTorch has."""

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("SelfAttention", {"hidden_size": 7, "num_heads": 2}, "num_heads=2 does not divide hidden_size=7"),
    ("SelfAttention", {"score": "cosine"}, "score is dot or additive"),
    ("SelfAttention", {"normalize": "sigmoid"}, "normalize softmax or relu"),
    ("LSTM", {"dropout": 0.1}, "num_layers=1 has nothing between"),
    ("RNN", {"nonlinearity": "gelu"}, "nonlinearity is tanh or relu"),
    ("LSTM", {"kernel": "cudnn"}, "not 'cudnn'"),
]
"""Arguments that are refused, and a part of the message."""

TORCH_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("CNN", {"kernel_size": 0}, "kernel_size must be a whole number of 1 or more, and is 0"),
    ("CNN", {"kernel_size": []}, "has no kernel; give one width or more"),
    ("CNN", {"kernel_size": [3, 0]}, "kernel_size must be a whole number of 1 or more, and is 0"),
    ("FCN", {"hidden_sizes": [7, 7], "kernel_sizes": [3]}, "need one number for each block"),
    ("FCN", {"hidden_sizes": [0], "kernel_sizes": [3]}, "hidden_sizes must be a whole number of 1 or more, and is 0"),
    ("CNN", {"dilation": 0}, "dilation must be a whole number of 1 or more"),
    ("CNN", {"num_layers": 3, "dilation": [1, 2]}, "one number per layer, and num_layers is 3"),
    ("Transformer", {"hidden_size": 7, "num_heads": 2}, "num_heads=2 does not divide hidden_size=7"),
    ("Transformer", {"num_layers": 0}, "num_layers must be a whole number of 1 or more"),
    ("Transformer", {"hidden_size": 14, "num_heads": 2, "rotary": True}, "a head is 7 wide"),
    ("LinearAttention", {"hidden_size": 7, "num_heads": 2}, "num_heads=2 does not divide hidden_size=7"),
    ("S4D", {"state_size": 7}, "state_size=7 must be even"),
    ("JordanRNN", {"output_size": 0}, "output_size must be a whole number of 1 or more"),
]
"""The same for the encoders that only PyTorch has."""
