"""What outlives a process: model files."""

from downslope.saving.model_file import load_model, save_model

__all__ = ["load_model", "save_model"]
