"""DataImage under the names people know."""

from typing import Final

from .zz_generated_dataimage import DataImageStatusAttachedImage, DataImageStatusError

DATA_IMAGE_FINALIZER: Final = "dataimage.metal3.io"

AttachedImageReference = DataImageStatusAttachedImage
DataImageError = DataImageStatusError
