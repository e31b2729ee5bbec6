"""Recurrent layers in NumPy: RNN, LSTM, GRU and bidirectional."""
